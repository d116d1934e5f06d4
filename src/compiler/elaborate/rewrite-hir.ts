/** Changes to a program that has been elaborated. */
import type { AxisId, ValueId } from '../ir/graph.ts';
import type { HirFor, HirItem, HirLanes } from '../ir/hir.ts';

/** Items whose ops use `map` of what they used; what loops carry is left alone. */
export function mapOperands(items: readonly HirItem[], map: (id: ValueId) => ValueId): readonly HirItem[] {
  return items.map((item): HirItem => {
    if (item.kind !== 'for') return { ...item, operands: item.operands.map(map) };
    return { ...item, parts: item.parts.map((part) => ({ ...part, items: mapOperands(part.items, map) })) };
  });
}

/** Items that use `to` where they used `from`. */
export function replaceUses(items: readonly HirItem[], from: ValueId, to: ValueId): readonly HirItem[] {
  const map = (id: ValueId): ValueId => (id === from ? to : id);
  return items.map((item): HirItem => {
    if (item.kind !== 'for') {
      return item.operands.includes(from) ? { ...item, operands: item.operands.map(map) } : item;
    }
    const parts = item.parts.map((part) => {
      const inside = { ...part, items: replaceUses(part.items, from, to) };
      if (inside.kind === 'iteration') return inside;
      return {
        ...inside,
        carried: inside.carried.map((c) => ({ ...c, initial: map(c.initial), next: map(c.next) })),
        stacked: inside.stacked.map((s) => ({ ...s, from: map(s.from) })),
      };
    });
    return { ...item, parts };
  });
}

/**
 * Puts `added`, which makes the value `id`, before the first use of it. Where all uses lie in one iteration, or in the
 * body over `lanes`, it goes there, so that iterations stay alike; in a body over other lanes it would be computed anew
 * each time. Without any use it goes to the end when it is `wanted`, and else nowhere.
 */
export function insertBeforeUse(
  items: readonly HirItem[],
  id: ValueId,
  added: readonly HirItem[],
  lanes: AxisId | undefined,
  wanted: boolean,
): readonly HirItem[] {
  const using = items.filter((item) => mentions(item, id));
  const [first] = using;
  if (!first) return wanted ? [...items, ...added] : items;
  const at = items.indexOf(first);
  if (using.length === 1 && first.kind === 'for' && !wanted) {
    const parts = first.parts.filter((part) => mentionsPart(part, id));
    const [part] = parts;
    const isOwn = part?.kind === 'lanes' && part.axis.id === lanes;
    if (part && parts.length === 1 && (isOwn || part.kind === 'iteration')) {
      const inside = isOwn ? [...added, ...part.items] : insertBeforeUse(part.items, id, added, lanes, false);
      const changed = first.parts.map((other) => (other === part ? { ...other, items: inside } : other));
      return items.with(at, { ...first, parts: changed });
    }
  }
  return [...items.slice(0, at), ...added, ...items.slice(at)];
}

function mentions(item: HirItem, id: ValueId): boolean {
  return item.kind === 'for' ? item.parts.some((part) => mentionsPart(part, id)) : item.operands.includes(id);
}

function mentionsPart(
  part: HirLanes | { readonly kind: 'iteration'; readonly items: readonly HirItem[] },
  id: ValueId,
) {
  if (part.items.some((item) => mentions(item, id))) return true;
  if (part.kind === 'iteration') return false;
  return part.carried.some((c) => c.initial === id || c.next === id) || part.stacked.some((s) => s.from === id);
}

/** Adds to the end of the body over `axis`, wherever it is: ops, and values to be stacked over the iterations. */
export function appendToLanes(
  items: readonly HirItem[],
  axis: AxisId,
  added: readonly HirItem[],
  stacked: HirLanes['stacked'],
): readonly HirItem[] {
  return items.map((item): HirItem => {
    if (item.kind !== 'for') return item;
    const parts = item.parts.map((part) =>
      part.kind === 'lanes' && part.axis.id === axis
        ? { ...part, items: [...part.items, ...added], stacked: [...part.stacked, ...stacked] }
        : { ...part, items: appendToLanes(part.items, axis, added, stacked) },
    );
    return { ...item, parts };
  });
}

/** What ops at the end of the body over `axis` may use; undefined when there is no such body. */
export function visibleInLanes(items: readonly HirItem[], axis: AxisId): ReadonlySet<ValueId> | undefined {
  const before = new Set<ValueId>();
  for (const item of items) {
    if (item.kind === 'for') {
      for (const part of item.parts) {
        const isIt = part.kind === 'lanes' && part.axis.id === axis;
        const inside = isIt ? valuesWithin(part) : visibleInLanes(part.items, axis);
        if (inside) return new Set([...before, ...inside]);
        for (const id of valuesAfter(part)) before.add(id);
      }
    } else for (const result of item.results) before.add(result.id);
  }
  return undefined;
}

type Part = HirFor['parts'][number];

function valuesWithin(part: Part): readonly ValueId[] {
  const own = part.items.flatMap((item) =>
    item.kind === 'for' ? item.parts.flatMap(valuesAfter) : item.results.map((result) => result.id),
  );
  if (part.kind === 'iteration') return own;
  return [...own, ...part.carried.map((c) => c.param.id), ...part.tables.map((t) => t.param.id)];
}

/** What ops after an iteration, or after iterations that were elaborated at once, may use. */
function valuesAfter(part: Part): readonly ValueId[] {
  if (part.kind === 'iteration') return valuesWithin(part);
  return [...part.carried.map((c) => c.final.id), ...part.stacked.map((s) => s.value.id)];
}
