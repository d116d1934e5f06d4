/**
 * Rows regions: independent rows, with any number of reductions and stores in each.
 *
 * A region without reductions is a map: one element per invocation. Otherwise an invocation takes a row and loops over
 * it, or, on a GPU whose rows are long (or when there are too few rows to fill any device), the lanes of a workgroup
 * stride over its row and partial results meet in workgroup memory. The order of every sum is fixed in all of them.
 */
import type { Axis, ValueId } from '../ir/graph.ts';
import type { Expr, Kernel } from '../ir/kernel.ts';
import { and, binary, bool, builtin, u32 } from '../ir/kernel-expr.ts';
import { usedInFours } from '../ir/kernel-walk.ts';
import type { RowsRegion } from '../ir/region.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import { present } from '../support/invariant.ts';
import { SHARE } from '../widen/share.ts';
import { widen } from '../widen/widen.ts';
import type { LowerContext } from './context.ts';
import { reduceTogether, type Team } from './cooperate.ts';
import { regionCost } from './cost.ts';
import { regionDoc } from './doc.ts';
import { type Emitter, makeEmitter } from './element.ts';
import { add, atMost, bounded, div, indicesAt, mod, mul } from './index-math.ts';
import { beginInvocation, beginPosition, LANES } from './invocation.ts';
import { keepRolled } from './keep-rolled.ts';
import { reduceInLoops, reductionsOf } from './reduce.ts';
import { siblingsIn } from './siblings.ts';
import { type Env, type KernelWriter, makeWriter } from './writer.ts';

/** The most lanes that work on one row. */
const ROW_LANES = 256;
/** Elements from which a row is worth a workgroup: on a GPU, and on any device when there are few rows. */
const LONG_ROW = 32;
/** Neighbouring rows that a workgroup takes together where that makes its reads neighbours. */
const COLUMNS = 32;
const LONG_LONE_ROW = 1024;
const FEW_ROWS = 8;

export function lowerRows(context: LowerContext, region: RowsRegion): Kernel {
  const longest = longestRow(context, region);
  if (longest.reduced === 1 && haveSameAxes(context, region.roots)) return lowerMap(context, region);
  const elements = Math.max(longest.reduced, longest.stored);
  const isLong = context.limits.deviceClass === 'gpu' && elements >= LONG_ROW;
  const isLone = elementsOf(region.shared) <= FEW_ROWS && elements >= LONG_LONE_ROW;
  return isLong || isLone ? lowerByGroup(context, region, elements) : lowerByInvocation(context, region);
}

/** Several lanes per row, with fewer of them where each takes fours. */
function lowerByGroup(context: LowerContext, region: RowsRegion, elements: number): Kernel {
  const inFours = shareRows(context, region, Math.ceil(elements / 4));
  return usedInFours(inFours).size > 0 ? inFours : shareRows(context, region, elements);
}

/** Elements of every root: a few neighbours per invocation, or one where they cannot be taken together. */
function lowerMap(context: LowerContext, region: RowsRegion): Kernel {
  const axes = context.writtenAxes(present(region.roots[0], 'root of a region'));
  const { deviceClass } = context.limits;
  const kernel = mapOf(context, region, axes, SHARE[deviceClass]);
  // On a GPU it is lanes that read neighbours together, if they do not take fours of them.
  return deviceClass === 'cpu' || usedInFours(kernel).size > 0 ? kernel : mapOf(context, region, axes, 1);
}

function mapOf(context: LowerContext, region: RowsRegion, axes: readonly Axis[], each: number): Kernel {
  const writer = makeWriter(context);
  const emitter = makeEmitter(writer, { reads: new Set(region.reads) });
  const elements = elementsOf(axes);
  const taken = Math.ceil(elements / each);
  const groups = Math.ceil(taken / LANES);
  const position = beginPosition(writer, taken, each === 1 ? 'i' : 'share');
  const storeAt = (i: Expr): void => {
    for (const root of region.roots) emitter.store(root, indicesAt(i, axes));
  };
  if (each === 1) {
    storeAt(position);
    return finish(writer, region, LANES, groups, 'One element per invocation.');
  }
  const from = mul(position, each);
  const end = elements % each === 0 ? add(from, u32(each)) : atMost(add(from, u32(each)), elements);
  writer.loop('i', end, storeAt, { from, max: elements - 1 });
  return finish(writer, region, LANES, groups, `${each} elements per invocation.`);
}

/** One row per invocation. */
function lowerByInvocation(context: LowerContext, region: RowsRegion): Kernel {
  const writer = makeWriter(context);
  const rows = rowAxes(context, region);
  const siblings = siblingsIn(context, region);
  const emitter = makeEmitter(writer, { reads: new Set(region.reads), siblings });
  const at = beginInvocation(writer, rows, 'row');
  for (const group of storeGroups(context, region)) storeInLoops(emitter, group, at);
  const spread = rows.length === 0 ? 'One invocation does all.' : `One row over ${namesOf(rows)} per invocation.`;
  return finish(writer, region, LANES, Math.ceil(elementsOf(rows) / LANES), spread);
}

/**
 * One row per workgroup, or, where rows are columns in memory, several neighbouring ones.
 *
 * @param useful Lanes that a row has work for.
 */
function shareRows(context: LowerContext, region: RowsRegion, useful: number): Kernel {
  const writer = makeWriter(context);
  const axes = rowAxes(context, region);
  const count = elementsOf(axes);
  const rows = readsAcross(context, region) ? COLUMNS : 1;
  const siblings = siblingsIn(context, region);
  const most = Math.min(ROW_LANES, context.limits.invocationsPerGroup, lanesInMemory(context, region, siblings)) / rows;
  const lanes = 2 ** Math.floor(Math.log2(Math.min(most, Math.max(LONG_ROW / rows, useful))));
  const member = bounded(builtin('local'), lanes * rows - 1);
  const team: Team = { lanes, rows, member, lane: writer.let('lane', div(member, rows)) };
  const groups = Math.ceil(count / rows);
  const wanted = add(mul(bounded(builtin('group'), groups - 1), rows), mod(member, rows));
  const isWhole = count % rows === 0;
  const place = writer.let(isWhole ? 'row' : 'place', wanted);
  // A row beyond the last is the last one again, so that its lanes reach the barriers, and is not stored.
  const isRow = isWhole ? bool(true) : binary('lt', place, u32(count));
  const at = indicesAt(isWhole ? bounded(place, count - 1) : writer.let('row', atMost(place, count - 1)), axes);
  const top = writer.current();
  const together = reduceTogether(writer, team);
  const emitter = makeEmitter(writer, {
    reads: new Set(region.reads),
    siblings,
    // What depends on a lane's own element is reduced by that lane.
    reduce: (...args) => (writer.current() === top ? together(...args) : reduceInLoops(...args)),
  });
  // All lanes take part in the reductions, so these come before anything is conditional.
  for (const id of region.members) if (isReductionAt(context, id, at)) emitter.element(id, at);
  for (const group of storeGroups(context, region)) storeTogether(emitter, group, at, team, isRow);
  const share = rows === 1 ? 'One row' : `${rows} rows`;
  const spread =
    axes.length === 0
      ? `One workgroup of ${lanes} lanes does all.`
      : `${share} over ${namesOf(axes)} per workgroup, ${lanes} lanes each.`;
  return finish(writer, region, lanes * rows, groups, spread);
}

/** The lanes whose partial results workgroup memory holds: each reduction of a group takes one number, or two. */
function lanesInMemory(
  context: LowerContext,
  region: RowsRegion,
  siblings: (id: ValueId) => readonly ValueId[],
): number {
  const together = Math.max(1, ...region.members.map((id) => siblings(id).length));
  return context.limits.sharedBytes / (4 * 2 * together);
}

function isReductionAt(context: LowerContext, id: ValueId, at: Env): boolean {
  return reductionsOf(context, id).length > 0 && context.value(id).type.axes.every((axis) => at.has(axis.id));
}

/** Whether neighbouring rows, not neighbouring elements of a row, are neighbours in the largest tensor that is read. */
function readsAcross(context: LowerContext, region: RowsRegion): boolean {
  const sizeOf = (id: ValueId): number => elementsOf(context.value(id).type.axes);
  const [largest] = [...region.reads].sort((a, b) => sizeOf(b) - sizeOf(a));
  const fastest = largest === undefined ? undefined : context.layoutOf(largest).at(-1);
  return region.shared.some((axis) => axis.id === fastest?.id);
}

/** Roots that are stored in the same loops, over `axes`. */
interface StoreGroup {
  readonly axes: readonly Axis[];
  readonly roots: readonly ValueId[];
}

function storeGroups(context: LowerContext, region: RowsRegion): readonly StoreGroup[] {
  const groups = new Map<string, { axes: readonly Axis[]; roots: ValueId[] }>();
  for (const root of region.roots) {
    const axes = innerAxes(context, region, root);
    const key = keyOf(axes);
    const group = groups.get(key) ?? { axes, roots: [] };
    group.roots.push(root);
    groups.set(key, group);
  }
  return [...groups.values()];
}

function storeInLoops(emitter: Emitter, { axes, roots }: StoreGroup, at: Env): void {
  const [axis, ...rest] = axes;
  if (axis === undefined) {
    for (const root of roots) emitter.store(root, at);
    return;
  }
  emitter.writer.loop(axis.name, axis.size, (index) =>
    storeInLoops(emitter, { axes: rest, roots }, new Map(at).set(axis.id, index)),
  );
}

function storeTogether(emitter: Emitter, { axes, roots }: StoreGroup, at: Env, team: Team, isRow: Expr): void {
  const { writer } = emitter;
  const count = elementsOf(axes);
  const storeAll = (inner: Env): void => {
    for (const root of roots) emitter.store(root, inner);
  };
  const write = (): void => {
    if (axes.length === 0) {
      storeAll(at);
      return;
    }
    const wish = axes.map((axis) => axis.name).join('_');
    const stride = { from: team.lane, step: u32(team.lanes), max: count - 1, isShared: true };
    writer.loop(wish, count, (position) => storeAll(new Map([...at, ...indicesAt(position, axes)])), stride);
  };
  const condition = axes.length === 0 ? and(isRow, binary('eq', team.lane, u32(0))) : isRow;
  if (condition.kind === 'literal') write();
  else writer.when(condition, write);
}

/** The shared axes in the order in which they lie in memory, so that neighbours work on neighbouring elements. */
function rowAxes(context: LowerContext, region: RowsRegion): readonly Axis[] {
  const shared = new Set(region.shared.map((axis) => axis.id));
  return context.writtenAxes(present(region.roots[0], 'root of a region')).filter((axis) => shared.has(axis.id));
}

function innerAxes(context: LowerContext, region: RowsRegion, root: ValueId): readonly Axis[] {
  const shared = new Set(region.shared.map((axis) => axis.id));
  return context.writtenAxes(root).filter((axis) => !shared.has(axis.id));
}

/** The most elements that one reduction of a row takes in, and that one root has in a row. */
function longestRow(context: LowerContext, region: RowsRegion): { readonly reduced: number; readonly stored: number } {
  const reduced = region.members
    .flatMap((id) => reductionsOf(context, id))
    .map((reduction) => elementsOf(reduction.axes));
  const stored = region.roots.map((root) => elementsOf(innerAxes(context, region, root)));
  return { reduced: Math.max(1, ...reduced), stored: Math.max(1, ...stored) };
}

function haveSameAxes(context: LowerContext, roots: readonly ValueId[]): boolean {
  return new Set(roots.map((root) => keyOf(context.writtenAxes(root)))).size === 1;
}

function keyOf(axes: readonly Axis[]): string {
  return axes
    .map((axis) => axis.id)
    .sort()
    .join(',');
}

function namesOf(axes: readonly Axis[]): string {
  return axes.map((axis) => axis.name).join(', ');
}

function finish(writer: KernelWriter, region: RowsRegion, workgroup: number, groups: number, spread: string): Kernel {
  const kernel = writer.finish({
    name: region.name,
    doc: regionDoc(writer.context, region, spread),
    workgroup,
    groups,
    ...regionCost(writer.context, region),
  });
  const wide = widen(kernel);
  return writer.context.limits.deviceClass === 'cpu' ? keepRolled(wide) : wide;
}
