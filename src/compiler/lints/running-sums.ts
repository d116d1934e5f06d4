/** Paths of sums and factors: which values of a block are running sums of another, and by which steps. */
import type { Block, OpOf, Value, ValueId } from '../ir/graph.ts';
import { operandOf, resultOf } from '../ir/op-parts.ts';
import { type Constants, scalingOf } from './constant-values.ts';
import type { Degrees } from './scale-degree.ts';

export type Step =
  | { readonly kind: 'sum'; readonly op: OpOf<'binary'> }
  /** `factors` are undefined when a weight is the factor. */
  | { readonly kind: 'scale'; readonly op: OpOf<'binary'>; readonly factors: readonly number[] | undefined };

/** A path by its last step, so that long ones share what they have in common. */
export interface Path {
  readonly length: number;
  readonly last: { readonly step: Step; readonly before: Path } | undefined;
  readonly onlySums: boolean;
}

const START: Path = { length: 0, last: undefined, onlySums: true };

/** From the first step to the last. */
export function stepsOf(path: Path): readonly Step[] {
  const steps: Step[] = [];
  for (let { last } = path; last; last = last.before.last) steps.push(last.step);
  return steps.reverse();
}

/** `degrees`: of all that depends on `param`. */
export interface Running {
  readonly body: Block;
  readonly param: Value;
  readonly degrees: Degrees;
  readonly constants: Constants;
}

/** The running sums of a parameter, each with the path to it. */
export function runningSums({ body, param, degrees, constants }: Running): ReadonlyMap<ValueId, Path> {
  const paths = new Map<ValueId, Path>([[param.id, START]]);
  for (const op of body.ops) {
    if (op.kind !== 'binary') continue;
    const [a, b] = [operandOf(op, 0), operandOf(op, 1)];
    const go = (before: Path | undefined, step: Step): void => {
      if (!before) return;
      const onlySums = before.onlySums && step.kind === 'sum';
      paths.set(resultOf(op, 0).id, { length: before.length + 1, last: { step, before }, onlySums });
    };
    const scaling = scalingOf(op, constants);
    if (op.attrs.fn === 'add') go(paths.get(a) ?? paths.get(b), { kind: 'sum', op });
    else if (op.attrs.fn === 'sub') go(paths.get(a), { kind: 'sum', op });
    else if (scaling) go(paths.get(scaling.of), { kind: 'scale', op, factors: scaling.factors });
    else if (op.attrs.fn === 'mul' && !(degrees.has(a) && degrees.has(b)))
      go(paths.get(degrees.has(a) ? a : b), { kind: 'scale', op, factors: undefined });
  }
  return paths;
}
