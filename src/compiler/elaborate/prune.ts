import type { ValueId } from '../ir/graph.ts';
import type { Hir, HirFor, HirItem, HirLanes } from '../ir/hir.ts';

/** The HIR without what no output needs. Weights stay: they are the same whatever a graph is elaborated for. */
export function prune(hir: Hir): Hir {
  const needed = new Set<ValueId>(hir.outputs.map((output) => output.value));
  const items = keep(hir.items, needed);
  return { ...hir, items, inputs: hir.inputs.filter((input) => usesInput(items, input.name)) };
}

/** The items that `needed` needs, from the last to the first; adds what they need themselves. */
function keep(items: readonly HirItem[], needed: Set<ValueId>): readonly HirItem[] {
  const kept: HirItem[] = [];
  for (const item of items.toReversed()) {
    if (item.kind === 'for') {
      const loop = keepFor(item, needed);
      if (loop.parts.some(givesSomething)) kept.push(loop);
    } else if (item.results.some((result) => needed.has(result.id))) {
      for (const operand of item.operands) needed.add(operand);
      kept.push(item);
    }
  }
  return kept.reverse();
}

/** Iterations without ops may still carry what they are given. */
export function givesSomething(part: HirFor['parts'][number]): boolean {
  return part.items.length > 0 || (part.kind === 'lanes' && part.carried.length + part.stacked.length > 0);
}

function keepFor(loop: HirFor, needed: Set<ValueId>): HirFor {
  const parts = loop.parts
    .toReversed()
    .map((part) => (part.kind === 'lanes' ? keepLanes(part, needed) : { ...part, items: keep(part.items, needed) }));
  return { ...loop, parts: parts.reverse() };
}

/** What is carried is needed after the loop, or by what is: so the body is walked until nothing is added. */
function keepLanes(lanes: HirLanes, needed: Set<ValueId>): HirLanes {
  const stacked = lanes.stacked.filter(({ value }) => needed.has(value.id));
  for (const { from } of stacked) needed.add(from);
  let carried = lanes.carried.filter(({ final }) => needed.has(final.id));
  for (;;) {
    for (const { next } of carried) needed.add(next);
    const items = keep(lanes.items, needed);
    const now = lanes.carried.filter(({ param, final }) => needed.has(final.id) || needed.has(param.id));
    if (now.length === carried.length) {
      for (const { initial } of carried) needed.add(initial);
      const tables = lanes.tables.filter(({ param }) => needed.has(param.id));
      return { ...lanes, stacked, carried, tables, items };
    }
    carried = now;
  }
}

function usesInput(items: readonly HirItem[], name: string): boolean {
  return items.some((item) => item.kind === 'input' && item.attrs.name === name);
}
