import type { ValueId } from '../ir/graph.ts';
import type { Hir, HirItem } from '../ir/hir.ts';

/** The HIR without what no output needs. Weights stay: they are the same whatever a graph is elaborated for. */
export function prune(hir: Hir): Hir {
  const needed = new Set<ValueId>(hir.outputs.map((output) => output.value));
  const keep = (items: readonly HirItem[]): readonly HirItem[] => {
    const kept: HirItem[] = [];
    for (const item of items.toReversed()) {
      if (item.kind === 'for') {
        const iterations = item.iterations.toReversed().map((it) => ({ ...it, items: keep(it.items) }));
        if (iterations.some((it) => it.items.length > 0)) kept.push({ ...item, iterations: iterations.reverse() });
      } else if (item.results.some((result) => needed.has(result.id))) {
        for (const operand of item.operands) needed.add(operand);
        kept.push(item);
      }
    }
    return kept.reverse();
  };
  const items = keep(hir.items);
  return { ...hir, items, inputs: hir.inputs.filter((input) => usesInput(items, input.name)) };
}

function usesInput(items: readonly HirItem[], name: string): boolean {
  return items.some((item) => item.kind === 'input' && item.attrs.name === name);
}
