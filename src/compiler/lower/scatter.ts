/**
 * Sums at equal ids: the gradient of a gather.
 *
 * An invocation owns one channel of a range of rows of the table. It sets them to zero, goes through all ids in order, and
 * adds what belongs to its rows where it lies. So the order of every sum is fixed, no two invocations write to one place,
 * and the cost of looking at ids does not grow with the table.
 */
import type { OpOf } from '../ir/graph.ts';
import type { Kernel } from '../ir/kernel.ts';
import { and, binary, builtin, cast, f32, i32, lt, min, u32 } from '../ir/kernel-expr.ts';
import type { OpRegion } from '../ir/region.ts';
import { axesWithout, elementsOf, withoutIds } from '../ir/tensor-type.ts';
import { present } from '../support/invariant.ts';
import type { LowerContext } from './context.ts';
import { regionCost } from './cost.ts';
import { regionDoc } from './doc.ts';
import { makeEmitter } from './element.ts';
import { add, bounded, div, indicesAt, mod, mul } from './index-math.ts';
import { keepRolled } from './keep-rolled.ts';
import { makeWriter } from './writer.ts';

const LANES = { cpu: 8, gpu: 64 } as const;
/** Ranges of rows: enough to keep a device busy, and few, because each goes through all ids. */
const RANGES = { cpu: 4, gpu: 128 } as const;

export function lowerScatterAdd(context: LowerContext, region: OpRegion, op: OpOf<'scatter_add'>): Kernel {
  const writer = makeWriter(context);
  const { deviceClass } = context.limits;
  const [values, ids] = [present(op.operands[0], 'values'), present(op.operands[1], 'ids')];
  const table = present(op.results[0], 'result').id;
  const { axis, axes } = op.attrs;
  const channels = withoutIds(axes, [axis.id]);
  const summed = axesWithout(context.value(ids).type.axes, axes);
  const emitter = makeEmitter(writer, { reads: new Set(region.reads) });

  const lanes = LANES[deviceClass];
  const count = elementsOf(channels);
  const chunks = Math.ceil(count / lanes);
  const rows = Math.ceil(axis.size / RANGES[deviceClass]);
  const ranges = Math.ceil(axis.size / rows);
  const group = bounded(builtin('group'), chunks * ranges - 1);
  const channel = writer.let('channel', add(mul(mod(group, chunks), lanes), bounded(builtin('local'), lanes - 1)));
  if (count % lanes !== 0) writer.when(binary('ge', channel, u32(count)), () => writer.exit());
  const own = indicesAt(bounded(channel, count - 1), channels);
  const first = writer.let('first', mul(div(group, chunks), rows));
  const end = writer.let('end', min(add(first, u32(rows)), u32(axis.size)));

  const zero = { from: first, max: axis.size - 1 };
  writer.loop('row', end, (row) => writer.store(table, placeOf(row), f32(0)), zero);
  writer.loop('place', elementsOf(summed), (place) => {
    const at = new Map([...own, ...indicesAt(place, summed)]);
    const clamped = binary('min', binary('max', emitter.element(ids, at), i32(0)), i32(axis.size - 1));
    const row = bounded(writer.let('row', cast('u32', clamped)), axis.size - 1);
    writer.when(and(binary('ge', row, first), lt(row, end)), () => {
      const before = writer.load(table, placeOf(row));
      writer.store(table, placeOf(row), binary('add', before, emitter.element(values, at)));
    });
  });
  function placeOf(row: typeof first): typeof first {
    return writer.positionOf(table, new Map([...own, [axis.id, row]]));
  }

  const spread = `One channel of ${rows} rows per invocation, ${lanes} channels per workgroup.`;
  const added = elementsOf(context.value(values).type.axes);
  const kernel = writer.finish({
    name: region.name,
    doc: regionDoc(context, region, spread),
    workgroup: lanes,
    groups: chunks * ranges,
    ...regionCost(context, region),
    flops: added,
  });
  return deviceClass === 'cpu' ? keepRolled(kernel) : kernel;
}
