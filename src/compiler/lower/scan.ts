/**
 * Scan regions: recurrences along one axis.
 *
 * An invocation owns a place of all other axes. It goes along the axis in order, with the state of each recurrence in a
 * local, and stores what is wanted of each element as it passes. Neighbours in memory belong to neighbouring invocations.
 */
import type { OpOf, ValueId } from '../ir/graph.ts';
import type { Expr, Kernel } from '../ir/kernel.ts';
import { binary, f32, u32 } from '../ir/kernel-expr.ts';
import { operandOf, resultOf } from '../ir/op-parts.ts';
import type { ScanRegion } from '../ir/region.ts';
import { elementsOf, withoutIds } from '../ir/tensor-type.ts';
import { present } from '../support/invariant.ts';
import { type LowerContext, opOf } from './context.ts';
import { regionCost } from './cost.ts';
import { regionDoc } from './doc.ts';
import { makeEmitter } from './element.ts';
import { bounded } from './index-math.ts';
import { beginInvocation, LANES } from './invocation.ts';
import { keepRolled } from './keep-rolled.ts';
import { shortName } from './names.ts';
import { applyBinary } from './scalar.ts';
import { type Env, makeWriter } from './writer.ts';

export function lowerScan(context: LowerContext, region: ScanRegion): Kernel {
  const writer = makeWriter(context);
  const { over, reverse } = region;
  const rows = withoutIds(context.layoutOf(present(region.roots[0], 'root of a region')), [over.id]);
  const recurrences = region.members.flatMap((id) => recurrenceOf(context, id) ?? []);
  const at = beginInvocation(writer, rows, 'row');
  const states = recurrences.map((op) => writer.var(`${shortName(context, resultOf(op, 0).id)}_before`, f32(0)));
  const reached = new Map<ValueId, Expr>();
  const known = new Map<ValueId, (at: Env) => Expr>(
    recurrences.map((op) => {
      const { id } = resultOf(op, 0);
      return [id, () => present(reached.get(id), `the state of value ${id}`)];
    }),
  );
  const emitter = makeEmitter(writer, { reads: new Set(region.reads), known });
  writer.loop(over.name, over.size, (step) => {
    const place = reverse ? writer.let('place', bounded(binary('sub', u32(over.size - 1), step), over.size - 1)) : step;
    const here = new Map(at).set(over.id, place);
    // A state keeps its old value until all of this place is computed.
    recurrences.forEach((op, i) => {
      const { id } = resultOf(op, 0);
      const before = present(states[i], 'a state').value;
      const kept = applyBinary('mul', emitter.element(operandOf(op, 0), here), before);
      reached.set(
        id,
        writer.let(shortName(context, id), applyBinary('add', kept, emitter.element(operandOf(op, 1), here))),
      );
    });
    for (const root of region.roots) emitter.store(root, here);
    recurrences.forEach((op, i) => {
      writer.assign(present(states[i], 'a state'), present(reached.get(resultOf(op, 0).id), 'a state'));
    });
  });
  const names = rows.map((axis) => axis.name).join(', ');
  const along = `along ${over.name}${reverse ? ', last to first' : ''}`;
  const kernel = writer.finish({
    name: region.name,
    doc: regionDoc(
      context,
      region,
      rows.length === 0 ? `One invocation goes ${along}.` : `One place of ${names} per invocation, ${along}.`,
    ),
    workgroup: LANES,
    groups: Math.ceil(elementsOf(rows) / LANES),
    ...regionCost(context, region),
  });
  return context.limits.deviceClass === 'cpu' ? keepRolled(kernel) : kernel;
}

function recurrenceOf(context: LowerContext, id: ValueId): OpOf<'recur'> | undefined {
  const op = opOf(context, id);
  return op?.kind === 'recur' ? op : undefined;
}
