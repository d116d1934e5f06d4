/** What stays f32 although a training asks for two bytes; `precision.ts` says why. */
import type { Block, Op, OpOf, Value, ValueId } from '../../ir/graph.ts';
import type { Rounding } from '../../ir/kernel.ts';
import { type FusedGraph, type ProductRegion, type Region, regionsIn } from '../../ir/region.ts';
import { elementsOf } from '../../ir/tensor-type.ts';
import { allOps } from '../../ir/walk-graph.ts';
import { present } from '../../support/invariant.ts';
import { sameAxisSet } from '../fuse/axes.ts';
import { findStreams } from './streams.ts';

export function* wideValues(
  fused: FusedGraph,
  values: ReadonlyMap<ValueId, Value>,
  rounding: Rounding,
): Generator<ValueId> {
  const { graph, steps } = fused;
  const stored = new Set([...fused.stored].filter((id) => !fused.aliases.has(id)));
  yield* tables(graph.block);
  yield* findStreams(graph.block, stored);
  const makers = new Map([...allOps(graph.block)].flatMap((op) => op.results.map(({ id }) => [id, op] as const)));
  for (const { value } of graph.outputs) yield value;
  for (const { id, type } of values.values()) if (type.axes.length === 0) yield id;
  for (const op of allOps(graph.block)) {
    if (op.kind === 'input' || op.kind === 'weight' || op.kind === 'scatter_add') yield* op.results.map(({ id }) => id);
    if (op.kind === 'sum') yield* partialSums(op, makers);
    if (op.kind === 'recur') yield* seenThrough(present(op.operands[0], 'a factor'), makers, stored);
    if (op.kind !== 'loop') continue;
    yield* wideInLoop(op);
    yield* findStreams(op.attrs.body, stored);
  }
  for (const region of regionsIn(steps)) {
    yield* statistics(region, values);
    if (region.kind === 'product' && region.library && (rounding === 'stochastic' || hasTerms(region, makers)))
      yield* region.roots;
  }
}

/** Whether a product is a sum of several. */
function hasTerms({ parts }: ProductRegion, makers: ReadonlyMap<ValueId, Op>): boolean {
  return parts.some(({ accumulators }) => accumulators.some((id) => (makers.get(id)?.operands.length ?? 0) > 2));
}

/** The products of which a sum is, as when one sum was cut into pieces: they are added up in f32. */
function partialSums(op: OpOf<'sum'>, makers: ReadonlyMap<ValueId, Op>): readonly ValueId[] {
  return op.operands.filter((id) => makers.get(id)?.kind === 'contract');
}

const MOVES: ReadonlySet<Op['kind']> = new Set<Op['kind']>([
  ...(['expand', 'rename', 'split', 'merge', 'permute', 'slice', 'pad', 'pick', 'stack'] as const),
]);

/** The stored values whose elements a value has, behind whatever moves them. */
function* seenThrough(id: ValueId, makers: ReadonlyMap<ValueId, Op>, stored: ReadonlySet<ValueId>): Generator<ValueId> {
  if (stored.has(id)) yield id;
  const op = makers.get(id);
  if (!stored.has(id) && op && MOVES.has(op.kind))
    for (const operand of op.operands) yield* seenThrough(operand, makers, stored);
}

const VARYING: ReadonlySet<Op['kind']> = new Set<Op['kind']>(['input', 'weight', 'random', 'loop']);

/** Values of the outer block that are computed from constants and indices alone. */
function tables({ ops }: Block): ReadonlySet<ValueId> {
  const known = new Set<ValueId>();
  for (const op of ops) {
    if (VARYING.has(op.kind) || !op.operands.every((id) => known.has(id))) continue;
    for (const { id } of op.results) known.add(id);
  }
  return known;
}

/** What a loop carries, and stacks whose slices are no whole words: copies move words. */
function* wideInLoop({ attrs: { body, carried }, operands, results }: OpOf<'loop'>): Generator<ValueId> {
  const isOdd = (value: Value): boolean => elementsOf(value.type.axes) % 2 === 1;
  yield* operands.slice(0, carried);
  yield* results.slice(0, carried).map(({ id }) => id);
  for (const [k, param] of body.params.entries()) if (k < carried || isOdd(param)) yield param.id;
  const slices = (axes: Value['type']['axes']): number => elementsOf(axes.slice(1));
  for (const { id, type } of results.slice(carried)) if (slices(type.axes) % 2 === 1) yield id;
}

function* statistics(region: Region, values: ReadonlyMap<ValueId, Value>): Generator<ValueId> {
  const sizeOf = (id: ValueId): number => elementsOf(present(values.get(id), `value ${id}`).type.axes);
  if (region.kind === 'op') {
    // The logsumexp, and what its like is for the backward pass.
    if (region.op.kind === 'attend' || region.op.kind === 'attend_backward_query') {
      yield present(region.op.results[1], 'a second result').id;
    }
    return;
  }
  if (region.kind !== 'rows') return;
  const largest = Math.max(0, ...region.reads.map(sizeOf));
  for (const id of region.roots) {
    const { axes } = present(values.get(id), `value ${id}`).type;
    if (sameAxisSet(axes, region.shared) && sizeOf(id) < largest) yield id;
  }
}
