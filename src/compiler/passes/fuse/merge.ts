/**
 * Merging: which groups become one kernel.
 *
 * Greedy, by what a merge saves: bytes that would be loaded twice, or stored only to be loaded. A merge must keep the
 * groups free of cycles and within the bindings of a kernel. Products whose tiles differ in shape come last, because they
 * save only a launch and the loads of one operand, and may forbid a better merge.
 */

import type { ValueId } from '../../ir/graph.ts';
import { elementsOf, sameAxisSet } from './axes.ts';
import { type Bindings, countBindings } from './bindings.ts';
import type { Group, GroupPart } from './group.ts';
import type { Needs } from './needs.ts';
import { isAligned, rowAxes } from './row-axes.ts';
import type { Scope } from './scope.ts';
import { termsOf } from './tile-space.ts';
import { throughViews } from './views.ts';

/** The most parts of one product: each has its own code in the kernel. */
const MOST_PARTS = 4;

export interface Merger {
  readonly scope: Scope;
  readonly needs: Needs;
  readonly bindings: Bindings;
  /** Off, nothing is merged. */
  readonly merges: boolean;
  /** Refuse merges that take too many bindings even when they take no more than the groups alone. */
  readonly strict: boolean;
}

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

type Benefit = (m: Merger, a: Group, b: Group) => number;

/** What merging two groups saves, by stage; 0 when the stage does not merge groups of these kinds. */
const STAGES: readonly Benefit[] = [
  (m, a, b) => (areSiblings(m, a, b) ? sharedOperandBytes(m, a, b) : 0),
  (m, a, b) => (a.kind.kind === 'rows' && b.kind.kind === 'rows' ? sharedBytes(m, a, b, 0) : 0),
  (m, a, b) => {
    const [rows, product] = a.kind.kind === 'rows' ? [a, b] : [b, a];
    if (rows.kind.kind !== 'rows' || product.kind.kind !== 'product') return 0;
    const size = Math.max(...[...rows.nodes].map((id) => elementsOf(m.scope.axes(id))));
    return sharedBytes(m, a, b, size);
  },
  (m, a, b) => sharedOperandBytes(m, a, b),
];

function bytes(m: Merger, id: ValueId): number {
  return 4 * elementsOf(m.scope.axes(id));
}

/** Bytes of tensors of at least `least` elements that one of two groups need not load. */
function sharedBytes(m: Merger, a: Group, b: Group, least: number): number {
  let saved = 0;
  for (const id of a.reads) {
    if (b.nodes.has(id)) saved += bytes(m, id);
    else if (b.reads.has(id)) saved += worth(m, id, least);
  }
  for (const id of b.reads) if (a.nodes.has(id)) saved += bytes(m, id);
  if (least === 0 && saved === 0) {
    for (const id of a.members) if (b.members.has(id)) saved += isWork(m, id) ? worth(m, id, least) : 0;
  }
  return saved;
}

function worth(m: Merger, id: ValueId, least: number): number {
  const { axes } = m.scope.value(id).type;
  return axes.length > 0 && elementsOf(axes) >= least ? bytes(m, id) : 0;
}

function isWork(m: Merger, id: ValueId): boolean {
  return m.scope.classOfValue(id) === 'pointwise';
}

function sharedOperandBytes(m: Merger, a: Group, b: Group): number {
  if (a.kind.kind !== 'product' || b.kind.kind !== 'product') return 0;
  const operands = operandReads(m, b.kind.parts);
  let saved = 0;
  for (const id of operandReads(m, a.kind.parts)) if (operands.has(id)) saved += bytes(m, id);
  return saved;
}

/** Memory that the contractions of some parts read, behind views. */
function operandReads(m: Merger, parts: readonly GroupPart[]): ReadonlySet<ValueId> {
  const ids = parts.flatMap((p) => p.contracts.flatMap((c) => c.operands));
  return new Set(ids.map((id) => throughViews(m.scope, id)));
}

/** Products of one shape but for the axes that the operand which they share lacks: the same loop over the same sums. */
function areSiblings(m: Merger, a: Group, b: Group): boolean {
  if (a.kind.kind !== 'product' || b.kind.kind !== 'product') return false;
  const p = a.kind.parts[0]?.contracts[0];
  const q = b.kind.parts[0]?.contracts[0];
  if (!p || !q || p.attrs.terms.length !== q.attrs.terms.length) return false;
  const sums = (op: typeof p): string => op.attrs.terms.map((t) => [...t].sort().join()).join(';');
  if (sums(p) !== sums(q)) return false;
  const left = termsOf(p)
    .flat()
    .map((id) => throughViews(m.scope, id));
  const right = termsOf(q)
    .flat()
    .map((id) => throughViews(m.scope, id));
  return left.some((id) => right.includes(id));
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

type MergedKind =
  | { readonly kind: Group['kind']; readonly refused?: undefined }
  | { readonly kind?: undefined; readonly refused: string };

function mergedKind(m: Merger, a: Group, b: Group): MergedKind {
  if (a.kind.kind === 'rows' && b.kind.kind === 'rows') {
    const rows = rowAxes(m.scope, m.needs, [...a.nodes, ...b.nodes]);
    return rows.axes ? { kind: { kind: 'rows', shared: rows.axes } } : { refused: rows.refused };
  }
  if (a.kind.kind === 'product' && b.kind.kind === 'product') {
    const parts = [...a.kind.parts, ...b.kind.parts];
    if (parts.length > MOST_PARTS) return { refused: `one product has at most ${MOST_PARTS} parts` };
    if (overlaps(a.reads, b.nodes) || overlaps(b.reads, a.nodes))
      return { refused: 'one multiplies what the other makes' };
    return { kind: { kind: 'product', parts } };
  }
  if (a.kind.kind === 'product' && b.kind.kind === 'rows') return rowsIntoPart(m, b, a.kind.parts);
  if (a.kind.kind === 'rows' && b.kind.kind === 'product') return rowsIntoPart(m, a, b.kind.parts);
  const own = [a, b].find((g) => g.kind.kind === 'op' || g.kind.kind === 'loop');
  const what = own?.kind.kind === 'op' || own?.kind.kind === 'loop' ? own.kind.op.kind : 'an op';
  return { refused: `${what} works in an order of its own` };
}

/** Pointwise values with the axes of a part's tiles become further roots of it. */
function rowsIntoPart(m: Merger, rows: Group, parts: readonly GroupPart[]): MergedKind {
  const axesOf = (id: ValueId) => m.scope.axes(id);
  for (const id of rows.nodes) {
    if (m.scope.classOfValue(id) === 'reduction')
      return { refused: 'a sum over whole rows does not fit in the tiles of a product' };
  }
  const part = parts.find((p) => {
    const axes = [...p.space.batch, ...p.space.rows, ...p.space.columns];
    return [...rows.nodes].every((id) => sameAxisSet(axesOf(id), axes));
  });
  if (!part) return { refused: 'its elements are not those of the tiles' };
  const nodes = new Set([...part.nodes, ...rows.nodes]);
  const axes = [...part.space.batch, ...part.space.rows, ...part.space.columns];
  if (!isAligned(m.scope, m.needs, nodes, nodes, axes)) return { refused: 'one needs the other at other places' };
  const apart = parts.some((p) => p !== part && (overlaps(rows.reads, p.nodes) || overlaps(p.reads, rows.nodes)));
  if (apart) return { refused: 'another part of the product is between them' };
  const reads = new Set([...part.reads, ...rows.reads].filter((id) => !nodes.has(id)));
  return { kind: { kind: 'product', parts: parts.map((p) => (p === part ? { ...p, nodes, reads } : p)) } };
}

function overlaps(a: ReadonlySet<ValueId>, b: ReadonlySet<ValueId>): boolean {
  for (const id of a) if (b.has(id)) return true;
  return false;
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
