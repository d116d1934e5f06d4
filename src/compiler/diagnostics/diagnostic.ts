import type { Span } from '../support/source.ts';

export type Severity = 'error' | 'warning';

/** A second place that explains the first: "width is declared here". */
export interface Label {
  readonly span: Span;
  readonly text: string;
}

/** What to write in place of a part of a source. */
export interface Edit {
  readonly span: Span;
  readonly text: string;
}

/** A change that most likely removes the fault. */
export interface Fix {
  /** What it does, in the imperative: "Replace with `width`". */
  readonly title: string;
  readonly edits: readonly Edit[];
}

/** What, where, why and what to do, as data. `render.ts` makes prose of it, `--json` prints it as it is. */
export interface Diagnostic {
  /** Stable kebab-case code; an entry of `catalog.ts`. */
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  /** Missing when the fault has no place in a source, such as a missing file. */
  readonly span?: Span;
  readonly labels: readonly Label[];
  /** What to do about it. */
  readonly help?: string;
  /** What an editor can do about it, the likeliest first. */
  readonly fixes?: readonly Fix[];
}

/** Exit codes of the command line, by the kind of failure. */
export const EXIT = {
  ok: 0,
  input: 1,
  usage: 2,
  environment: 3,
  memory: 4,
  data: 5,
  diverged: 6,
  internal: 70,
  interrupted: 130,
  terminated: 143,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Carries diagnostics out of any phase. The command line prints them and exits with `exitCode`. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly diagnostics: readonly Diagnostic[];
  readonly exitCode: ExitCode;

  constructor(diagnostics: readonly Diagnostic[], exitCode: ExitCode = EXIT.input) {
    super(diagnostics.map((d) => `${d.code}: ${d.message}`).join('\n'));
    this.diagnostics = diagnostics;
    this.exitCode = exitCode;
  }
}
