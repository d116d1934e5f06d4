import type { Group } from './group.ts';
import { tryMerge } from './merge.ts';
import type { Merger } from './merger.ts';

/** For each group of a block, why the groups it reads from and those that read it are not in it. */
export function explainNeighbours(
  m: Merger,
  groups: readonly Group[],
  nameOf: (group: Group) => string,
): ReadonlyMap<Group, readonly string[]> {
  const notes = new Map<Group, string[]>(groups.map((g) => [g, []]));
  for (const reader of groups) {
    for (const maker of groups) {
      if (maker === reader || ![...reader.reads].some((id) => maker.nodes.has(id))) continue;
      const reason = tryMerge(m, groups, maker, reader).refused ?? 'a merge would save nothing';
      notes.get(reader)?.push(`after ${nameOf(maker)}: ${reason}`);
      notes.get(maker)?.push(`before ${nameOf(reader)}: ${reason}`);
    }
  }
  return notes;
}
