/**
 * HIR: a model after elaboration, before depth is rolled into loops.
 *
 * All that is known while compiling has been evaluated: axes have sizes, functions are gone, and every iteration of every
 * `for` stands on its own. Ops are those of the Graph IR. A `for` only remembers which ops each of its iterations made;
 * it binds nothing, so a value of one iteration may be used in any later op, inside the `for` or after it.
 *
 * Weights are values of their own that no op defines: `roll` decides which of them are stacked.
 */
import type { Span } from '../support/source.ts';
import type { Axis, GraphInput, GraphOutput, Op, Value, ValueId, WeightMember } from './graph.ts';

export interface HirFor {
  readonly kind: 'for';
  /** The name of the variable: iterations are the layers of `layer`. */
  readonly variable: string;
  readonly iterations: readonly HirIteration[];
  readonly span: Span;
}

export interface HirIteration {
  /** How the iteration is called in names of weights: `3`, or the key of a record. */
  readonly label: string;
  readonly items: readonly HirItem[];
}

export type HirItem = Op | HirFor;

export interface HirWeight {
  readonly value: Value;
  readonly axes: readonly Axis[];
  readonly member: WeightMember;
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
