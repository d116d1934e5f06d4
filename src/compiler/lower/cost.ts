/** What one launch of a region must do at least: the figures of kernel headers and reports. */
import type { ValueId } from '../ir/graph.ts';
import { opFlops } from '../ir/op-flops.ts';
import type { Region } from '../ir/region.ts';
import { elementBytes } from '../ir/storage-type.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import { present } from '../support/invariant.ts';
import { type LowerContext, opOf } from './context.ts';

export interface Cost {
  readonly flops: number;
  readonly bytes: number;
}

/** Each value that is read or stored counts once, each operation of a member once for each of its elements. */
export function regionCost(context: LowerContext, region: Region): Cost {
  const bytesOf = (id: ValueId): number => elementsOf(context.value(id).type.axes) * bytesEach(context, id);
  const gathered = gatheredBytes(context, region);
  const reads = new Set(region.reads.map((id) => context.memoryOf(id)));
  const read = [...reads].reduce((sum, id) => sum + Math.min(bytesOf(id), gathered.get(id) ?? bytesOf(id)), 0);
  const written = region.roots.reduce(
    (sum, id) => sum + elementsOf(context.writtenAxes(id)) * bytesEach(context, id),
    0,
  );
  const flops = region.members.reduce((sum, id) => sum + flopsOf(context, id), 0);
  return { flops, bytes: read + written };
}

function bytesEach({ value, limits }: LowerContext, id: ValueId): number {
  return elementBytes(value(id).type.storage, limits);
}

/** A table is read only where ids point. */
function gatheredBytes(context: LowerContext, region: Region): ReadonlyMap<ValueId, number> {
  const bytes = new Map<ValueId, number>();
  for (const id of region.members) {
    const op = opOf(context, id);
    if (op?.kind !== 'gather') continue;
    const table = context.memoryOf(present(op.operands[0], 'operand of gather'));
    bytes.set(table, (bytes.get(table) ?? 0) + elementsOf(context.value(id).type.axes) * bytesEach(context, table));
  }
  return bytes;
}

function flopsOf(context: LowerContext, id: ValueId): number {
  const op = opOf(context, id);
  return op ? opFlops(op, context.value(id).type, (operand) => context.value(operand).type) : 0;
}
