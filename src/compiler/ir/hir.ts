/**
 * HIR: a model after elaboration, before depth is rolled into loops.
 *
 * All that is known while compiling has been evaluated: axes have sizes, functions are gone. Ops are those of the Graph IR.
 * The iterations of a `for` stand on their own, or as `lanes` where they could be elaborated at once. An iteration of its
 * own binds nothing: its values may be used in any later op, inside the `for` or after it.
 *
 * Weights are values of their own that no op defines: `roll` decides which of them are stacked.
 */
import type { Span } from '../support/source.ts';
import type { Axis, GraphInput, GraphOutput, Op, Value, ValueId, WeightMember } from './graph.ts';

export interface HirFor {
  readonly kind: 'for';
  /** The name of the variable: iterations are the layers of `layer`. */
  readonly variable: string;
  readonly parts: readonly (HirIteration | HirLanes)[];
  /** Why not all iterations were elaborated at once. */
  readonly breaks: readonly HirBreak[];
  readonly span: Span;
}

/** Where iterations part, and why. */
export interface HirBreak {
  /** The label of the first iteration that differs from those before. */
  readonly before: string;
  readonly reason: string;
  readonly span: Span;
}

export interface HirIteration {
  readonly kind: 'iteration';
  /** How the iteration is called in names of weights: `3`, or the key of a record. */
  readonly label: string;
  readonly items: readonly HirItem[];
}

/** Iterations that were elaborated at once: the body of a loop. */
export interface HirLanes {
  readonly kind: 'lanes';
  /** The iterations, by label. */
  readonly labels: readonly string[];
  /** The axis of what is stacked over them. */
  readonly axis: Axis;
  readonly items: readonly HirItem[];
  /** `param` is `initial` in the first iteration and `next` of the one before in the others; `final` is the last `next`. */
  readonly carried: readonly HirCarried[];
  /** `param` has a value for each iteration. */
  readonly tables: readonly { readonly param: Value; readonly values: readonly number[] }[];
  /** `value` holds `from` of all iterations, along `axis`. */
  readonly stacked: readonly { readonly value: Value; readonly from: ValueId }[];
}

export interface HirCarried {
  readonly param: Value;
  readonly initial: ValueId;
  readonly next: ValueId;
  readonly final: Value;
}

export type HirItem = Op | HirFor;

export interface HirWeight {
  readonly value: Value;
  readonly axes: readonly Axis[];
  /** One, or one for each of the iterations that were elaborated at once; `value` is then that of an iteration. */
  readonly members: readonly WeightMember[];
  /** The axis of those iterations. */
  readonly stacked: Axis | undefined;
  /** It stands for the gradient of the weight. */
  readonly isGradient?: boolean;
  readonly span: Span;
}

export interface Hir {
  readonly inputs: readonly GraphInput[];
  readonly weights: readonly HirWeight[];
  readonly items: readonly HirItem[];
  readonly outputs: readonly GraphOutput[];
  /** What the program calls its values. */
  readonly names: ReadonlyMap<ValueId, string>;
}
