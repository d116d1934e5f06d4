/** Changes to a program that has been elaborated. */
import type { AxisId, ValueId } from '../ir/graph.ts';
import type { HirItem, HirLanes } from '../ir/hir.ts';

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
