import type { ValueId } from '../../ir/graph.ts';
import { crowdedValues } from './crowded.ts';
import { firstGroups, type Group } from './group.ts';
import { type Merger, mergeGroups } from './merge.ts';
import { inOrder } from './order.ts';
import { findParts } from './parts.ts';
import { bestReuse } from './reuse.ts';
import type { Home } from './scope.ts';

/** The groups of one block, in the order in which they run, and what each stores. */
export interface FusedBlock {
  /** What it was made with: more nodes may have been found on the way. */
  readonly merger: Merger;
  readonly groups: readonly Group[];
  readonly roots: ReadonlyMap<Group, readonly ValueId[]>;
}

export type FusedBlocks = ReadonlyMap<Home, FusedBlock>;

/** Groups every block that runs, by the loop whose body it is. */
export function fuseBlocks(m: Merger, fuse: boolean): FusedBlocks {
  const plain = uncrowded(m, fuse);
  return fuse ? withReuse(m, plain) : plain;
}

/** Stores more until no kernel needs more bindings than there are. */
function uncrowded(m: Merger, fuse: boolean): FusedBlocks {
  const blocks = groupBlocks(m, fuse);
  const crowded = groupsOf(blocks)
    .flatMap((g) => crowdedValues(m.scope, g, m.bindings))
    .filter((id) => !m.needs.nodes.has(id));
  return crowded.length === 0 ? blocks : uncrowded(storing(m, crowded), fuse);
}

/** Stores more while that saves bytes and costs no kernel. */
function withReuse(m: Merger, blocks: FusedBlocks): FusedBlocks {
  for (const { merger, groups } of blocks.values()) {
    const id = bestReuse(merger, groups);
    if (id === undefined) continue;
    const other = uncrowded(storing(m, [id]), true);
    if (groupsOf(other).length <= groupsOf(blocks).length) return withReuse(storing(m, [id]), other);
  }
  return blocks;
}

function storing(m: Merger, more: readonly ValueId[]): Merger {
  return { ...m, needs: { ...m.needs, nodes: new Set([...m.needs.nodes, ...more]) } };
}

function groupsOf(blocks: FusedBlocks): readonly Group[] {
  return [...blocks.values()].flatMap((block) => block.groups);
}

function groupBlocks({ scope, needs, bindings }: Merger, fuse: boolean): FusedBlocks {
  const blocks = scope.blocks
    .filter(({ home }) => !home || scope.isLive(home))
    .map(({ block, home }) => ({ block, home, parts: findParts(scope, needs, block.ops, home, bindings) }));
  const cut = blocks.flatMap(({ parts }) => parts.flatMap((p) => p.roots));
  const m = storing({ scope, needs, bindings }, cut);
  return new Map(
    blocks.map(({ block, home, parts }) => {
      const first = withoutIdle(m, firstGroups(scope, m.needs, block.ops, parts));
      const groups = inOrder(scope, fuse ? mergeGroups(m, first) : first);
      return [home, { merger: m, groups, roots: new Map(groups.map((g) => [g, rootsOf(m, groups, g)])) }];
    }),
  );
}

/** What a group must store: what is required, and what others read. */
function rootsOf(m: Merger, groups: readonly Group[], group: Group): readonly ValueId[] {
  const isRead = (id: ValueId): boolean => groups.some((g) => g !== group && g.reads.has(id));
  const isRoot = (id: ValueId): boolean =>
    group.kind.kind === 'op' || group.kind.kind === 'loop' || m.needs.required.has(id) || isRead(id);
  return [...group.nodes].filter(isRoot).sort((a, b) => m.scope.order(a) - m.scope.order(b));
}

/** Leaves out groups that nobody reads: everyone who could have read them computes on the way what they make. */
function withoutIdle(m: Merger, groups: readonly Group[]): readonly Group[] {
  const busy = groups.filter((g) => rootsOf(m, groups, g).length > 0);
  return busy.length === groups.length ? groups : withoutIdle(m, busy);
}
