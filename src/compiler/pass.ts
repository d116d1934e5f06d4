import { inStep } from './support/step.ts';

/** A named step of the compiler. Flags (`--dump NAME`), timings and help derive from the record. */
export interface Pass<In, Out> {
  /** Kebab-case; what `--dump` takes. */
  readonly name: string;
  /** One line for `tfm compile --help`. */
  readonly summary: string;
  readonly run: (input: In) => Out;
  /** Throws an `InternalError` when `output` breaks a rule of its level. */
  readonly verify: (output: Out) => void;
  /** The stable text form of the level. */
  readonly print: (output: Out) => string;
}

export interface PassTrace {
  /** Milliseconds by pass, in the order they ran. */
  readonly times: Map<string, number>;
  /** Texts asked for, by pass. */
  readonly dumps: Map<string, string>;
  readonly wanted: ReadonlySet<string>;
}

/** Runs a pass, verifies what it made, and records its time and, if wanted, its text. */
export function runPass<In, Out>(pass: Pass<In, Out>, input: In, trace: PassTrace): Out {
  const start = performance.now();
  const output = inStep(pass.name, () => {
    const made = pass.run(input);
    pass.verify(made);
    return made;
  });
  trace.times.set(pass.name, (trace.times.get(pass.name) ?? 0) + performance.now() - start);
  if (trace.wanted.has(pass.name)) trace.dumps.set(pass.name, pass.print(output));
  return output;
}
