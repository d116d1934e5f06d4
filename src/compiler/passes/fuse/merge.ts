/**
 * Merging: which groups become one kernel.
 *
 * Greedy, by what a merge saves: bytes that would be loaded twice, or stored only to be loaded. A merge must keep the
 * groups free of cycles and within the bindings of a kernel. Products whose tiles differ in shape come last, because they
 * save only a launch and the loads of one operand, and may forbid a better merge.
 */
import type { ValueId } from '../../ir/graph.ts';
import { type Benefit, STAGES } from './benefit.ts';
import { countBindings } from './bindings.ts';
import type { Group } from './group.ts';
import { mergedKind } from './merged-kind.ts';
import type { Merger } from './merger.ts';

/** The merged group, or why there is none. */
type Attempt =
  | { readonly group: Omit<Group, 'id'>; readonly refused?: undefined }
  | { readonly group?: undefined; readonly refused: string };

/** Groups of one block, merged until nothing more is saved. */
export function mergeGroups(m: Merger, first: readonly Group[]): readonly Group[] {
  let groups = first;
  let nextId = Math.max(-1, ...first.map((g) => g.id)) + 1;
  for (const benefit of STAGES) {
    const near = neighbours(groups);
    let pairs = groups.flatMap((a) =>
      pairsWith(
        m,
        benefit,
        a,
        near(a).filter((b) => b.id > a.id),
      ),
    );
    while (pairs.length > 0) {
      const best = pairs.reduce((x, y) => (y.saved > x.saved ? y : x));
      const { a, b } = best;
      const attempt = tryMerge(m, groups, a, b);
      pairs = pairs.filter((p) => p !== best);
      if (!attempt.group) continue;
      const merged: Group = { id: nextId++, ...attempt.group };
      groups = groups.filter((g) => g !== a && g !== b);
      pairs = pairs.filter((p) => p.a !== a && p.a !== b && p.b !== a && p.b !== b);
      pairs.push(...pairsWith(m, benefit, merged, groups));
      groups = [...groups, merged];
    }
  }
  return groups;
}

interface Pair {
  readonly a: Group;
  readonly b: Group;
  /** Bytes. */
  readonly saved: number;
}

/** Groups that read or make something that a group reads or makes; groups that load nothing are near each other. */
function neighbours(groups: readonly Group[]): (group: Group) => readonly Group[] {
  const touching = new Map<ValueId | undefined, Group[]>();
  const touched = (g: Group) => (g.reads.size === 0 ? [undefined, ...g.nodes] : [...g.reads, ...g.nodes]);
  for (const g of groups) {
    for (const id of touched(g)) {
      const list = touching.get(id);
      if (list) list.push(g);
      else touching.set(id, [g]);
    }
  }
  return (g) => [...new Set(touched(g).flatMap((id) => touching.get(id) ?? []))];
}

/** The merges that would serve one group. */
function pairsWith(m: Merger, benefit: Benefit, a: Group, others: readonly Group[]): readonly Pair[] {
  return others.map((b) => ({ a, b, saved: benefit(m, a, b) })).filter((pair) => pair.saved > 0);
}

/** Tries to make one group of two; also tells `--explain` why two neighbours are apart. */
export function tryMerge(m: Merger, groups: readonly Group[], a: Group, b: Group): Attempt {
  const kind = mergedKind(m, a, b);
  if (kind.refused !== undefined) return kind;
  const nodes = new Set([...a.nodes, ...b.nodes]);
  const reads = new Set([...a.reads, ...b.reads].filter((id) => !nodes.has(id)));
  const others = groups.filter((g) => g !== a && g !== b);
  const stored = [...nodes].filter((id) => m.needs.required.has(id) || others.some((g) => g.reads.has(id)));
  const count = countBindings(m.bindings, m.scope.axes, [...reads, ...stored]);
  const before = m.strict ? 0 : Math.max(bindingsOf(m, groups, a), bindingsOf(m, groups, b));
  if (count > m.bindings.most && count > before)
    return { refused: `together they would need ${count} storage bindings of ${m.bindings.most}` };
  if (wouldWait(others, a, b)) return { refused: 'another kernel must run between them' };
  return { group: { kind: kind.kind, nodes, members: new Set([...a.members, ...b.members]), reads } };
}

/** Values that the kernel of a group loads or stores. */
export function bindingsOf(m: Merger, groups: readonly Group[], group: Group): number {
  const isRead = (id: ValueId): boolean => groups.some((g) => g !== group && g.reads.has(id));
  const stored = [...group.nodes].filter((id) => m.needs.required.has(id) || isRead(id));
  return countBindings(m.bindings, m.scope.axes, [...group.reads, ...stored]);
}

/** Whether a path leads from one of two groups to the other through a third. */
function wouldWait(others: readonly Group[], a: Group, b: Group): boolean {
  const maker = new Map<ValueId, Group>();
  for (const g of others) for (const id of g.nodes) maker.set(id, g);
  const reaches = (from: Group, to: Group): boolean => {
    const seen = new Set<Group>();
    const stack = [...from.reads].flatMap((id) => maker.get(id) ?? []);
    for (let g = stack.pop(); g; g = stack.pop()) {
      if (seen.has(g)) continue;
      seen.add(g);
      for (const id of g.reads) {
        if (to.nodes.has(id)) return true;
        const next = maker.get(id);
        if (next) stack.push(next);
      }
    }
    return false;
  };
  return reaches(a, b) || reaches(b, a);
}
