/**
 * What becomes of reductions over the sequences of a batch.
 *
 * A loss is a mean over the batch, and means of micro-batches add up to it. That holds for what is linear in a reduction.
 * `mixed` is a value of single sequences that the reduction goes into: each sequence then depends on those beside it.
 * `bent` is an op that is not linear in the reduction: its mean over micro-batches is not its value for the whole batch.
 */
import { BATCH } from '../elaborate/inputs.ts';
import type { AxisId, Block, Graph, Op, ValueId } from '../ir/graph.ts';

export interface BatchUse {
  readonly kind: 'mixed' | 'bent';
  readonly reduction: Op;
  readonly op: Op;
}

export function batchUses(graph: Graph): readonly BatchUse[] {
  const batch = new Set<AxisId>();
  for (const { type } of graph.inputs) for (const axis of type.axes) if (axis.name === BATCH) batch.add(axis.id);
  const bodies = graph.block.ops.flatMap((op) => (op.kind === 'loop' ? [op.attrs.body] : []));
  return [graph.block, ...bodies].flatMap((block) => {
    const axes = withDerived(block, batch);
    const reduced = behindReductions(block, axes);
    return block.ops.flatMap((op) => (reduces(op, axes) ? (useOf(op, block, axes, reduced) ?? []) : []));
  });
}

/** Axes that are made of the batch: a merge with it, another name for it. */
function withDerived(block: Block, batch: ReadonlySet<AxisId>): ReadonlySet<AxisId> {
  const axes = new Set(batch);
  for (const op of block.ops) {
    if (op.kind === 'merge' && op.attrs.from.some((id) => axes.has(id))) axes.add(op.attrs.into.id);
    if (op.kind === 'rename' && axes.has(op.attrs.from)) axes.add(op.attrs.to.id);
  }
  return axes;
}

function reduces(op: Op, axes: ReadonlySet<AxisId>): boolean {
  if (op.kind === 'sum' || op.kind === 'max') return op.attrs.axes.some((id) => axes.has(id));
  if (op.kind === 'recur') return axes.has(op.attrs.over);
  return op.kind === 'argmax' && axes.has(op.attrs.axis);
}

/** Values that come from any reduction over the batch, except through the total of a step, which is the same for all its parts. */
function behindReductions(block: Block, axes: ReadonlySet<AxisId>): ReadonlySet<ValueId> {
  const behind = new Set<ValueId>();
  for (const op of block.ops) {
    const follows = op.kind !== 'step_total' && op.operands.some((id) => behind.has(id));
    if (follows || reduces(op, axes)) for (const result of op.results) behind.add(result.id);
  }
  return behind;
}

const LINEAR: readonly Op['kind'][] = [
  'expand',
  'rename',
  'merge',
  'split',
  'permute',
  'slice',
  'pad',
  'pick',
  'stack',
  'sum',
  'step_total',
];

/** The first use of a reduction that is more than a sum; a count that goes into the total of a step is exact. */
function useOf(
  reduction: Op,
  block: Block,
  axes: ReadonlySet<AxisId>,
  reduced: ReadonlySet<ValueId>,
): BatchUse | undefined {
  const reached = new Set<ValueId>(reduction.results.map((result) => result.id));
  const users = block.ops.filter((op) => op.operands.some((id) => reached.has(id)));
  if (users.every((op) => op.kind === 'step_total')) return undefined;
  for (const op of block.ops) {
    // What a loop makes of it is not followed.
    if (op.kind === 'loop' || !op.operands.some((id) => reached.has(id))) continue;
    const mixes = op.results.some((result) => result.type.axes.some((axis) => axes.has(axis.id)));
    if (mixes && op.kind !== 'expand') return { kind: 'mixed', reduction, op };
    if (!isLinear(op, reached, reduced)) return { kind: 'bent', reduction, op };
    for (const result of op.results) reached.add(result.id);
  }
  return undefined;
}

/** In what was reached; a factor or divisor that comes from another reduction makes it none. */
function isLinear(op: Op, reached: ReadonlySet<ValueId>, reduced: ReadonlySet<ValueId>): boolean {
  if (op.kind === 'unary') return op.attrs.fn === 'neg';
  if (op.kind !== 'binary') return LINEAR.includes(op.kind);
  const [left, right] = op.operands.map((id) => reached.has(id));
  const [a, b] = op.operands.map((id) => reduced.has(id));
  if (op.attrs.fn === 'add' || op.attrs.fn === 'sub') return true;
  if (op.attrs.fn === 'mul') return a !== b;
  return op.attrs.fn === 'div' && left === true && right === false && b === false;
}
