import type { ValueId } from '../../ir/graph.ts';
import { invariant } from '../../support/invariant.ts';
import type { Group } from './group.ts';
import type { Scope } from './scope.ts';

/** Groups so that each comes after those whose values it reads; otherwise in the order of the graph. */
export function inOrder(scope: Scope, groups: readonly Group[]): readonly Group[] {
  const maker = new Map<ValueId, Group>();
  for (const g of groups) for (const id of g.nodes) maker.set(id, g);
  const place = new Map(groups.map((g) => [g, Math.max(...[...g.nodes].map((id) => scope.order(id)))]));
  const waiting = [...groups].sort((a, b) => (place.get(a) ?? 0) - (place.get(b) ?? 0));
  const done = new Set<Group>();
  const ready = (g: Group): boolean =>
    [...g.reads].every((id) => {
      const before = maker.get(id);
      return before === undefined || done.has(before);
    });
  while (waiting.length > 0) {
    const next = waiting.findIndex(ready);
    invariant(next >= 0, 'regions wait for each other');
    for (const g of waiting.splice(next, 1)) done.add(g);
  }
  return [...done];
}
