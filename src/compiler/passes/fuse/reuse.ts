import type { ValueId } from '../../ir/graph.ts';
import { elementsOf } from '../../ir/tensor-type.ts';

import type { Group } from './group.ts';
import type { Merger } from './merger.ts';
import { pull } from './pull.ts';

/**
 * The value that several kernels compute and that most bytes would be saved by storing: what all but the first of them
 * would no longer load, less one store. Undefined when nothing is saved.
 */
export function bestReuse(m: Merger, groups: readonly Group[]): ValueId | undefined {
  const users = new Map<ValueId, Group[]>();
  for (const group of groups) {
    for (const id of group.members) {
      if (m.needs.nodes.has(id) || m.scope.classOfValue(id) !== 'pointwise') continue;
      users.set(id, [...(users.get(id) ?? []), group]);
    }
  }
  let best: ValueId | undefined;
  let most = 0;
  for (const [id, [first, ...others]] of users) {
    if (!first || others.length === 0 || bytes(m, pull(m.scope, m.needs, [id], new Set()).reads) <= bytes(m, [id]))
      continue;
    const saved = others.reduce((sum, group) => sum + savedIn(m, group, id), 0) - bytes(m, [id]);
    if (saved > most) [best, most] = [id, saved];
  }
  return best;
}

function savedIn(m: Merger, group: Group, id: ValueId): number {
  const needs = { ...m.needs, nodes: new Set([...m.needs.nodes, id]) };
  const roots = [...group.nodes].flatMap((node) => (group.members.has(node) ? [node] : []));
  const { reads } = pull(m.scope, needs, roots, group.nodes);
  return bytes(m, group.reads) - bytes(m, reads);
}

function bytes(m: Merger, ids: Iterable<ValueId>): number {
  let sum = 0;
  for (const id of ids) sum += 4 * elementsOf(m.scope.axes(id));
  return sum;
}
