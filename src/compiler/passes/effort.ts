/**
 * What the backward iteration of a loop may compute again, so that the forward iteration need not keep it.
 *
 * Some ops are always computed again, some never. Between them are reductions, products and attention: each takes a number of
 * operations for a byte of its results, and an effort is how many of them, the cheapest first, may be done again. At 0 all
 * are kept; where all may, an iteration keeps what it was given, and all of it is done twice (Chen et al., "Training Deep Nets
 * with Sublinear Memory Cost", arXiv 1604.06174). What is done again comes out the same.
 */
import type { Block, Op, OpName, TensorType, ValueId } from '../ir/graph.ts';
import { opFlops } from '../ir/op-flops.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import { allOps } from '../ir/walk-graph.ts';

/**
 * `leaf`: computed again from nothing; `view`: the operand with other axes, no work at all; `cheap`: computed again from
 * its operands; `heavy`: computed again only by an effort; `fixed`: never.
 */
type Weight = 'leaf' | 'view' | 'cheap' | 'heavy' | 'fixed';

const WEIGHT: { readonly [K in OpName]: Weight } = {
  input: 'fixed',
  weight: 'fixed',
  constant: 'leaf',
  index: 'leaf',
  random: 'leaf',
  runtime: 'leaf',
  unary: 'cheap',
  binary: 'cheap',
  where: 'cheap',
  cast: 'cheap',
  expand: 'cheap',
  rename: 'view',
  split: 'view',
  merge: 'view',
  permute: 'view',
  slice: 'cheap',
  pad: 'cheap',
  pick: 'cheap',
  stack: 'cheap',
  sum: 'heavy',
  max: 'heavy',
  argmax: 'heavy',
  contract: 'heavy',
  gather: 'heavy',
  scatter_add: 'heavy',
  put: 'fixed',
  recur: 'heavy',
  stop_gradient: 'cheap',
  step_total: 'fixed',
  attend: 'heavy',
  attend_backward_query: 'fixed',
  attend_backward_key: 'fixed',
  loop: 'fixed',
};

/** An outer product is pointwise. */
export function weightOf(op: Op | undefined): Weight {
  if (op?.kind === 'contract' && op.attrs.terms.every((over) => over.length === 0)) return 'cheap';
  return op ? WEIGHT[op.kind] : 'fixed';
}

export function bytesOf(type: TensorType): number {
  return 4 * elementsOf(type.axes);
}

/** The efforts for a graph, the least first. */
export function effortsFor(block: Block): readonly number[] {
  return Array.from({ length: heavyOps(block).length + 1 }, (_, effort) => effort);
}

/** The ops in loops that an effort allows to do again. */
export function allowedBy(block: Block, effort: number): ReadonlySet<Op> {
  const ops = effort === 0 ? [] : heavyOps(block).toSorted((a, b) => a.cost - b.cost || b.bytes - a.bytes);
  return new Set(ops.slice(0, effort).map(({ op }) => op));
}

interface HeavyOp {
  readonly op: Op;
  readonly bytes: number;
  /** Operations for each byte. */
  readonly cost: number;
}

function heavyOps(block: Block): readonly HeavyOp[] {
  const ops = [...allOps(block)];
  const bodies = ops.flatMap((op) => (op.kind === 'loop' ? [op.attrs.body] : []));
  const types = new Map(
    [...bodies.flatMap(({ params }) => params), ...ops.flatMap((op) => op.results)].map(({ id, type }) => [id, type]),
  );
  return bodies.flatMap((body) =>
    body.ops
      .filter((op) => weightOf(op) === 'heavy')
      .map((op) => {
        const bytes = op.results.reduce((sum, { type }) => sum + bytesOf(type), 0);
        return { op, bytes, cost: flopsOf(op, (id) => types.get(id)) / bytes };
      }),
  );
}

function flopsOf(op: Op, typeOf: (id: ValueId) => TensorType | undefined): number {
  const [first] = op.results;
  if (!first) return 0;
  if (op.kind === 'attend') return 4 * elementsOf(first.type.axes) * op.attrs.key.size;
  return opFlops(op, first.type, typeOf);
}
