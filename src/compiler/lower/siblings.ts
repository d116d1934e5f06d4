/** Which reductions of a region are done in one pass over a row. */
import type { Op, Value, ValueId } from '../ir/graph.ts';
import type { Region } from '../ir/region.ts';
import { type LowerContext, opOf } from './context.ts';

/**
 * Groups reductions that keep and reduce the same axes and of which none needs another: the mean of x and the mean of
 * x * x share a loop, the mean of (x - mean)^2 comes after it.
 */
export function siblingsIn(context: LowerContext, region: Region): (value: ValueId) => readonly ValueId[] {
  const rounds = new Map<ValueId, number>();
  const groups = new Map<string, ValueId[]>();
  const groupOf = new Map<ValueId, readonly ValueId[]>();
  for (const id of region.members) {
    const op = opOf(context, id);
    if (op === undefined) continue;
    const before = Math.max(0, ...op.operands.map((operand) => rounds.get(operand) ?? 0));
    const reduced = reducedAxes(op);
    rounds.set(id, reduced ? before + 1 : before);
    if (!reduced) continue;
    const key = `${before}|${reduced}|${keptAxes(context.value(id))}`;
    const group = groups.get(key) ?? [];
    group.push(id);
    groups.set(key, group);
    groupOf.set(id, group);
  }
  return (value) => groupOf.get(value) ?? [];
}

/** Undefined for what is no reduction, or one whose loop cannot be shared. */
function reducedAxes(op: Op): string | undefined {
  if (op.kind === 'sum' || op.kind === 'max') return [...op.attrs.axes].sort().join(',');
  return op.kind === 'argmax' ? op.attrs.axis : undefined;
}

function keptAxes(value: Value): string {
  return value.type.axes
    .map((axis) => axis.id)
    .sort()
    .join(',');
}
