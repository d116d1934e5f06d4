import type { Axis, OpOf, ValueId } from '../../ir/graph.ts';
import { resultOf } from '../../ir/op-parts.ts';
import {
  type FusedGraph,
  type ProductPart,
  type Region,
  type RegionBase,
  type RegionStep,
  regionsIn,
} from '../../ir/region.ts';
import { InternalError, present } from '../../support/invariant.ts';
import { addByLibrary } from './add-by-library.ts';
import { fuseBlocks } from './fuse-blocks.ts';
import type { Group, GroupPart } from './group.ts';
import { findInPlace } from './in-place.ts';
import { isLibraryProduct } from './library.ts';
import type { Merger } from './merger.ts';
import { makeNamer } from './name-region.ts';
import { isTable } from './needs.ts';
import { explainNeighbours } from './neighbours.ts';
import type { Home, Scope } from './scope.ts';
import { alikeStored } from './views.ts';

/** Fuses every block of a graph. */
export function buildRegions(merger: Merger): FusedGraph {
  const { scope, needs } = merger;
  const blocks = fuseBlocks(merger);
  const aliases = new Map(needs.aliases);
  const nextName = makeNamer(scope);

  const stepsOf = (home: Home): readonly RegionStep[] => {
    const { merger: m, groups, roots } = present(blocks.get(home), 'a block');
    const regions = groups.filter((g) => g.kind.kind !== 'loop');
    const names = new Map(regions.map((g) => [g, nextName(present(roots.get(g), 'roots'))]));
    const nameOf = (group: Group): string =>
      group.kind.kind === 'loop' ? loopName(group.kind.op) : present(names.get(group), 'a name');
    const notes = m.merges ? explainNeighbours(m, groups, nameOf) : undefined;
    return groups.map((group): RegionStep => {
      if (group.kind.kind === 'loop') return { kind: 'loop', op: group.kind.op, body: stepsOf(group.kind.op) };
      const { reads, members } = readsOf(scope, group, aliases);
      const base: RegionBase = {
        name: nameOf(group),
        roots: present(roots.get(group), 'roots'),
        reads: inTextOrder(scope, reads),
        members: inTextOrder(scope, members),
        notes: notes?.get(group) ?? [],
      };
      return { kind: 'region', region: regionOf(m, group, base) };
    });
  };

  const apart = stepsOf(undefined);
  const inPlace = findInPlace(scope, apart);
  const steps = addByLibrary(scope, apart, inPlace);
  const made = regionsIn(steps).flatMap(({ roots }) => roots);
  const stored = new Set([...memoryValues(scope), ...made, ...aliases.keys()]);
  const layouts = new Map<ValueId, readonly Axis[]>([...stored].map((id) => [id, scope.axes(id)]));
  return { graph: scope.graph, steps, stored, aliases, inPlace, layouts, precision: 'f32', rounding: 'nearest' };
}

function inTextOrder(scope: Scope, ids: Iterable<ValueId>): readonly ValueId[] {
  return [...ids].sort((a, b) => scope.order(a) - scope.order(b));
}

/** Inputs, weights, and what loops are given and give. */
function memoryValues(scope: Scope): readonly ValueId[] {
  return scope.blocks.flatMap(({ block, home }) => [
    ...block.params.filter((_, k) => home && !isTable(scope, home, k)).map((p) => p.id),
    ...block.ops.flatMap((op) =>
      scope.isLive(op) && (op.kind === 'loop' || scope.classOf(op) === 'memory') ? op.results.map((r) => r.id) : [],
    ),
  ]);
}

function loopName({ attrs }: OpOf<'loop'>): string {
  return `the loop over ${attrs.axis.name}${attrs.reverse ? ', last to first' : ''}`;
}

/** What a group reads and computes, when views of what it reads are read as aliases instead of indexed through. */
function readsOf(
  scope: Scope,
  group: Group,
  aliases: Map<ValueId, ValueId>,
): { readonly reads: ReadonlySet<ValueId>; readonly members: ReadonlySet<ValueId> } {
  const reads = new Set<ValueId>();
  const members = new Set<ValueId>();
  const isRead = (id: ValueId): boolean => group.reads.has(id);
  const visit = (id: ValueId): void => {
    if (reads.has(id) || members.has(id)) return;
    const origin = isRead(id) ? id : alikeStored(scope, id, isRead);
    if (origin !== undefined) {
      if (origin !== id) aliases.set(id, origin);
      reads.add(id);
    } else if (group.members.has(id)) {
      members.add(id);
      for (const operand of scope.op(id)?.operands ?? []) visit(operand);
    }
  };
  for (const id of group.nodes) visit(id);
  return { reads, members };
}

function regionOf(m: Merger, group: Group, base: RegionBase): Region {
  switch (group.kind.kind) {
    case 'rows':
      return { kind: 'rows', ...base, shared: group.kind.shared };
    case 'product':
      return {
        kind: 'product',
        ...base,
        parts: group.kind.parts.map((part) => partOf(part, base.roots)),
        library: group.kind.parts.every(({ contracts }) => contracts.every((op) => isOfLibrary(m, op, base.reads))),
      };
    case 'scan':
      return { kind: 'scan', ...base, over: group.kind.over, reverse: group.kind.reverse };
    case 'op':
      return { kind: 'op', ...base, op: group.kind.op };
    case 'loop':
      throw new InternalError('a loop is no region');
  }
}

/** Whether a library computes a contraction, now that it is known what is stored. */
function isOfLibrary({ scope, needs, library }: Merger, op: OpOf<'contract'>, reads: readonly ValueId[]): boolean {
  const isGiven = library !== undefined && needs.library.has(resultOf(op, 0).id);
  return isGiven && isLibraryProduct(scope, op, library, (id) => reads.includes(id));
}

function partOf(part: GroupPart, roots: readonly ValueId[]): ProductPart {
  return {
    ...part.space,
    accumulators: part.contracts.flatMap((op) => op.results.map((r) => r.id)),
    roots: roots.filter((id) => part.nodes.has(id)),
  };
}
