import type { Weight } from '../ir/graph.ts';

/**
 * The weights of several graphs of one model, each member once. What one graph stacks is stacked, longest first, so that
 * a graph whose loops are cut elsewhere, or that has none, finds its members at one distance too.
 */
export function joinWeights(graphs: readonly (readonly Weight[])[]): readonly Weight[] {
  const order = new Map(
    graphs
      .flat()
      .flatMap((w) => w.members.map((m) => m.name))
      .map((name, k) => [name, k]),
  );
  const byLength = [...graphs.flat()].sort((a, b) => b.members.length - a.members.length);
  const taken = new Set<string>();
  const joined = byLength.flatMap((weight) => {
    const free = weight.members.filter((m) => !taken.has(m.name));
    for (const m of free) taken.add(m.name);
    return free.length > 0 ? [{ ...weight, members: free }] : [];
  });
  const first = (weight: Weight): number => order.get(weight.members[0]?.name ?? '') ?? 0;
  return joined.sort((a, b) => first(a) - first(b));
}
