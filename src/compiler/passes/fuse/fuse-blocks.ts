import type { ValueId } from '../../ir/graph.ts';
import { elementsOf } from '../../ir/tensor-type.ts';
import { crowdedValues } from './crowded.ts';
import { firstGroups, type Group } from './group.ts';
import { findJoints } from './joints.ts';
import { bindingsOf, mergeGroups } from './merge.ts';
import type { Merger } from './merger.ts';
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
export function fuseBlocks(m: Merger): FusedBlocks {
  const plain = groupBlocks(m);
  if (!m.merges) return plain;
  const joints = findJoints(m);
  if (joints.length === 0) return withReuse(m, plain);
  const jointed = groupBlocks(storing(m, joints));
  return isBetter(jointed, plain) ? withReuse(storing(m, joints), jointed) : withReuse(m, plain);
}

/** Whether blocks take fewer kernels than others, or as many and fewer bytes. */
function isBetter(blocks: FusedBlocks, others: FusedBlocks): boolean {
  const kernels = groupsOf(blocks).length - groupsOf(others).length;
  return kernels < 0 || (kernels === 0 && bytesOf(blocks) <= bytesOf(others));
}

/** What all kernels load and store. */
function bytesOf(blocks: FusedBlocks): number {
  let bytes = 0;
  for (const { merger, groups, roots } of blocks.values()) {
    for (const group of groups) {
      if (group.kind.kind === 'loop') continue;
      for (const id of [...group.reads, ...(roots.get(group) ?? [])]) bytes += 4 * elementsOf(merger.scope.axes(id));
    }
  }
  return bytes;
}

/**
 * First every group may take more bindings than there are while merges only better it: what a norm loads is little once
 * its sums are with it. If some group still takes too many in the end, more is stored before anything is merged.
 */
function groupBlocks(m: Merger): FusedBlocks {
  const blocks = mergeBlocks(m);
  const isCrowded = [...blocks.values()].some(({ merger, groups }) =>
    groups.some(
      (g) => g.kind.kind !== 'op' && g.kind.kind !== 'loop' && bindingsOf(merger, groups, g) > m.bindings.most,
    ),
  );
  return isCrowded && !m.strict ? mergeBlocks(uncrowded({ ...m, strict: true })) : blocks;
}

/** Stores more until no value is computed from more than a kernel can bind. */
function uncrowded(m: Merger): Merger {
  const crowded = startBlocks(m)
    .flatMap(({ first }) => first.flatMap((g) => crowdedValues(m.scope, g, m.bindings)))
    .filter((id) => !m.needs.nodes.has(id));
  return crowded.length === 0 ? m : uncrowded(storing(m, crowded));
}

/** Stores more while that saves bytes and costs no kernel. */
function withReuse(m: Merger, blocks: FusedBlocks): FusedBlocks {
  for (const { merger, groups } of blocks.values()) {
    const id = bestReuse(merger, groups);
    if (id === undefined) continue;
    const other = groupBlocks(storing(m, [id]));
    if (isBetter(other, blocks)) return withReuse(storing(m, [id]), other);
  }
  return blocks;
}

function storing(m: Merger, more: readonly ValueId[]): Merger {
  return { ...m, needs: { ...m.needs, nodes: new Set([...m.needs.nodes, ...more]) } };
}

function groupsOf(blocks: FusedBlocks): readonly Group[] {
  return [...blocks.values()].flatMap((block) => block.groups);
}

interface StartBlock {
  readonly home: Home;
  readonly merger: Merger;
  readonly first: readonly Group[];
}

/** The groups of every block before any merge. */
function startBlocks(m: Merger): readonly StartBlock[] {
  const { scope, needs, bindings } = m;
  const blocks = scope.blocks
    .filter(({ home }) => !home || scope.isLive(home))
    .map(({ block, home }) => ({ block, home, parts: findParts(scope, needs, block.ops, home, bindings) }));
  const cut = blocks.flatMap(({ parts }) => parts.flatMap((p) => p.roots));
  const merger = storing(m, cut);
  return blocks.map(({ block, home, parts }) => {
    const first = withoutIdle(merger, firstGroups(scope, merger.needs, block.ops, parts));
    return { home, merger, first };
  });
}

function mergeBlocks(m: Merger): FusedBlocks {
  return new Map(
    startBlocks(m).map(({ home, merger, first }) => {
      const groups = inOrder(m.scope, m.merges ? mergeGroups(merger, first) : first);
      return [home, { merger, groups, roots: new Map(groups.map((g) => [g, rootsOf(merger, groups, g)])) }];
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
