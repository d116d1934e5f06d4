/** One position of a state, written where the state lies: an element per invocation. */
import type { OpOf } from '../ir/graph.ts';
import type { Kernel } from '../ir/kernel.ts';
import { binary, builtin, cast, i32, u32 } from '../ir/kernel-expr.ts';
import { operandOf, resultOf } from '../ir/op-parts.ts';
import type { OpRegion } from '../ir/region.ts';
import { axisOf, elementsOf } from '../ir/tensor-type.ts';
import type { LowerContext } from './context.ts';
import { regionCost } from './cost.ts';
import { regionDoc } from './doc.ts';
import { makeEmitter } from './element.ts';
import { add, bounded, indicesAt, mul } from './index-math.ts';
import { makeWriter } from './writer.ts';

const LANES = 64;

export function lowerPut(context: LowerContext, region: OpRegion, op: OpOf<'put'>): Kernel {
  const writer = makeWriter(context);
  const emitter = makeEmitter(writer, { reads: new Set(region.reads) });
  const [value, position] = [operandOf(op, 1), operandOf(op, 2)];
  const state = resultOf(op, 0);
  const { axes } = context.value(value).type;
  const { size } = axisOf(state.type.axes, op.attrs.axis);

  const count = elementsOf(axes);
  const groups = Math.ceil(count / LANES);
  const group = bounded(builtin('group'), groups - 1);
  const place = writer.let('place', add(mul(group, LANES), bounded(builtin('local'), LANES - 1)));
  if (count % LANES !== 0) writer.when(binary('ge', place, u32(count)), () => writer.exit());
  const at = indicesAt(bounded(place, count - 1), axes);
  const clamped = binary('min', binary('max', emitter.element(position, new Map()), i32(0)), i32(size - 1));
  const put = bounded(writer.let('position', cast('u32', clamped)), size - 1);
  writer.store(
    state.id,
    writer.positionOf(state.id, new Map([...at, [op.attrs.axis, put]])),
    emitter.element(value, at),
  );

  return writer.finish({
    name: region.name,
    doc: regionDoc(context, region, `One element per invocation, ${LANES} in a workgroup, all at one position.`),
    workgroup: LANES,
    groups,
    flops: regionCost(context, region).flops,
    bytes: 8 * count,
  });
}
