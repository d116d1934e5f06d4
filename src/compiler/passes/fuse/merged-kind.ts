import type { ValueId } from '../../ir/graph.ts';
import { sameAxisSet } from './axes.ts';
import type { Group, GroupKind, GroupPart } from './group.ts';
import type { Merger } from './merger.ts';
import { isAligned, rowAxes } from './row-axes.ts';
import { areSiblings } from './siblings.ts';

/** The most parts of one product: each has its own code in the kernel, which people read. */
const MOST_SIBLINGS = 3;
const MOST_PARTS = 2;

export type MergedKind =
  | { readonly kind: Group['kind']; readonly refused?: undefined }
  | { readonly kind?: undefined; readonly refused: string };

/** What a group of two would be, or why they do not fit together. */
export function mergedKind(m: Merger, a: Group, b: Group): MergedKind {
  if (readsState(m, a, b) || readsState(m, b, a)) return { refused: 'one reads the state into which the other puts' };
  if (isOfLibrary(m, a) || isOfLibrary(m, b)) return { refused: 'a library computes the product and nothing else' };
  if (a.kind.kind === 'rows' && b.kind.kind === 'rows') {
    const rows = rowAxes(m.scope, m.needs, [...a.nodes, ...b.nodes]);
    return rows.axes ? { kind: { kind: 'rows', shared: rows.axes } } : { refused: rows.refused };
  }
  if (a.kind.kind === 'product' && b.kind.kind === 'product') {
    const parts = [...a.kind.parts, ...b.kind.parts];
    const most = areSiblings(m.scope, a, b) ? MOST_SIBLINGS : MOST_PARTS;
    if (parts.length > most) return { refused: `a kernel with ${parts.length} such products would be long` };
    if (overlaps(a.reads, b.nodes) || overlaps(b.reads, a.nodes))
      return { refused: 'one multiplies what the other makes' };
    return { kind: { kind: 'product', parts } };
  }
  if (a.kind.kind === 'product' && b.kind.kind === 'rows') return rowsIntoPart(m, b, a.kind.parts);
  if (a.kind.kind === 'rows' && b.kind.kind === 'product') return rowsIntoPart(m, a, b.kind.parts);
  if (a.kind.kind === 'scan' && (b.kind.kind === 'scan' || b.kind.kind === 'rows')) return scanWith(m, a, a.kind, b);
  if (a.kind.kind === 'rows' && b.kind.kind === 'scan') return scanWith(m, b, b.kind, a);
  const own = [a, b].find((g) => g.kind.kind === 'op' || g.kind.kind === 'loop');
  const what = own?.kind.kind === 'op' || own?.kind.kind === 'loop' ? own.kind.op.kind : 'an op';
  return { refused: `${what} works in an order of its own` };
}

function isOfLibrary(m: Merger, { nodes }: Group): boolean {
  return [...nodes].some((id) => m.needs.library.has(id));
}

function readsState(m: Merger, reader: Group, writer: Group): boolean {
  return [...writer.nodes].some((id) => m.scope.classOfValue(id) === 'put' && reader.reads.has(id));
}

/** Pointwise values with the axes of a part's tiles become further roots of it. */
function rowsIntoPart(m: Merger, rows: Group, parts: readonly GroupPart[]): MergedKind {
  const axesOf = (id: ValueId) => m.scope.writtenAxes(id);
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

/** Pointwise values at the places of a recurrence, and recurrences along the same axis, go along with it. */
function scanWith(m: Merger, scan: Group, kind: Extract<GroupKind, { kind: 'scan' }>, other: Group): MergedKind {
  if (other.kind.kind === 'scan' && (other.kind.over.id !== kind.over.id || other.kind.reverse !== kind.reverse))
    return { refused: `one does not run along ${kind.over.name} as the other does` };
  const nodes = new Set([...scan.nodes, ...other.nodes]);
  const [first = []] = [...scan.nodes].map((id) => m.scope.axes(id));
  for (const id of other.nodes) {
    if (m.scope.classOfValue(id) === 'reduction') return { refused: 'a sum does not go along with a recurrence' };
    if (!sameAxisSet(m.scope.axes(id), first)) return { refused: 'its elements are not those of the recurrence' };
  }
  if (!isAligned(m.scope, m.needs, nodes, nodes, first)) return { refused: 'one needs the other at other places' };
  return { kind };
}

function overlaps(a: ReadonlySet<ValueId>, b: ReadonlySet<ValueId>): boolean {
  for (const id of a) if (b.has(id)) return true;
  return false;
}
