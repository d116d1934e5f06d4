import type { Axis, Value, ValueId } from '../ir/graph.ts';
import type { Span } from '../support/source.ts';

/**
 * Iterations of a loop that are elaborated at once. What depends on the loop's variable has a value for each of them, as
 * the lanes of a vector processor have; the ops that are made are the body of a loop.
 */
export interface Lanes {
  readonly variable: string;
  /** The iterations, as names of weights have them. */
  readonly labels: readonly string[];
  /** What stands for the label in names until they are final: `3-12`. */
  readonly segment: string;
  /** Numbers that enter tensors: one for each iteration. */
  readonly tables: { readonly param: Value; readonly values: readonly number[] }[];
  /** Values of probes by iteration. */
  readonly stacked: { readonly value: Value; readonly from: ValueId }[];
  readonly axis: Axis;
  /** Tensors that come out of an iteration as they went in: what they are within, and around the loop. */
  readonly same: Map<ValueId, ValueId>;
  /** Takes back what was done to things that outlive the iterations. */
  readonly undo: (() => void)[];
}

/** Thrown where iterations cannot be elaborated at once. */
export class Divergence extends Error {
  override readonly name = 'Divergence';
  /** The first iteration that differs from those before it, counted from 0; undefined when none can share a body. */
  readonly at: number | undefined;
  /** What differs. */
  readonly span: Span | undefined;

  constructor(at: number | undefined, span?: Span) {
    super('the iterations of a loop differ');
    this.at = at;
    this.span = span;
  }
}

/** Stops because iterations differ in `values`, which stand at `span`. */
export function diverge(values: readonly number[], span: Span): never {
  const at = values.findIndex((value) => !Object.is(value, values[0]));
  throw new Divergence(at < 0 ? undefined : at, span);
}
