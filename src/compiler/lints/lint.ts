import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import { diagnosticsOf } from '../diagnostics/entry.ts';
import { LINTS } from '../diagnostics/lints.ts';
import type { Advice } from '../elaborate/advice.ts';
import type { AxisId, Graph } from '../ir/graph.ts';
import type { TrainConfig } from '../ir/train.ts';
import type { Span } from '../support/source.ts';
import type { File } from '../syntax/ast.ts';

/** What is known of a program that has no errors. */
export interface LintContext {
  /** The user's files, the spec first. */
  readonly files: readonly File[];
  /** The graph of the loss. */
  readonly graph: Graph;
  readonly train: TrainConfig | undefined;
  /** Where an axis is declared, if a file declares it. */
  readonly axisSpan: (id: AxisId) => Span | undefined;
  /** What the schemes in the model say of themselves, and what those of the library do. */
  readonly advice: { readonly used: readonly Advice[]; readonly known: () => readonly Advice[] };
}

/** One thing to warn of. Its name is its code, and what an allowance calls it. */
export interface Lint {
  readonly name: keyof typeof LINTS;
  readonly summary: string;
  readonly run: (context: LintContext) => readonly Diagnostic[];
}

export const warning = diagnosticsOf(LINTS);

/** A number as a message shows it. */
export function shown(value: number): number {
  return Number(value.toPrecision(4));
}
