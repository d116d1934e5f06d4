/**
 * Which places of an input an element needs.
 *
 * An element at position p along an axis may need the places p - behind … p + ahead of the input; so a value with several
 * axes made of time (a score has queries and keys) needs the union over them. What all elements need alike, such as all of
 * a mean over time, is a range of fixed places.
 */
import type { AxisId } from '../ir/graph.ts';
import { type Bounds, both, either, type Move, movedBounds, withoutAxes } from './bounds.ts';

export interface Reach {
  /** May be infinite, or negative for what lies before. */
  readonly ahead: number;
  readonly behind: number;
  /** Only where these hold is there anything that needs the input through this axis. */
  readonly where: Bounds;
}

export interface Range {
  readonly first: number;
  readonly last: number;
}

export interface Dependence {
  readonly along: ReadonlyMap<AxisId, Reach>;
  readonly fixed: Range | undefined;
}

export const NOTHING: Dependence = { along: new Map(), fixed: undefined };

export function isNothing({ along, fixed }: Dependence): boolean {
  return along.size === 0 && fixed === undefined;
}

/** All places of an input. */
export function everything(size: number): Dependence {
  return { along: new Map(), fixed: { first: 0, last: size - 1 } };
}

export function joined(a: Dependence, b: Dependence): Dependence {
  if (isNothing(a)) return b;
  if (isNothing(b)) return a;
  const along = new Map(a.along);
  for (const [axis, reach] of b.along) {
    const other = along.get(axis);
    along.set(axis, other ? joinedReach(other, reach) : reach);
  }
  return { along, fixed: joinedRange(a.fixed, b.fixed) };
}

function joinedReach(a: Reach, b: Reach): Reach {
  return {
    ahead: Math.max(a.ahead, b.ahead),
    behind: Math.max(a.behind, b.behind),
    where: either(a.where, b.where),
  };
}

export function joinedRange(a: Range | undefined, b: Range | undefined): Range | undefined {
  if (!a || !b) return a ?? b;
  return { first: Math.min(a.first, b.first), last: Math.max(a.last, b.last) };
}

/** Needed only where `where` holds too. */
export function restricted(d: Dependence, where: Bounds): Dependence {
  if (where === 'never') return NOTHING;
  if (where.length === 0) return d;
  return { ...d, along: mapReaches(d, (reach) => ({ ...reach, where: both(reach.where, where) })) };
}

/** The same elements under another axis. */
export function moved(d: Dependence, move: Move): Dependence {
  const along = new Map<AxisId, Reach>();
  for (const [axis, reach] of d.along) {
    const where = movedBounds(reach.where, move);
    const isOwn = axis === move.from;
    const [ahead, behind] = isOwn ? [reach.ahead + move.shift, reach.behind - move.shift] : [reach.ahead, reach.behind];
    along.set(isOwn ? move.to : axis, { ahead, behind, where });
  }
  return { ...d, along };
}

/** Another name for the position along an axis: an axis that was split or merged keeps its reach under the old one. */
export function renamed(d: Dependence, from: AxisId, to: AxisId): Dependence {
  return moved(d, { from, to, shift: 0 });
}

/**
 * What a reduction over an axis of `size` needs. Where an inequality holds the reduced position to one that is left, it
 * needs what is near that one, else all that any element of the axis needs.
 */
export function reduced(
  d: Dependence,
  axis: AxisId,
  size: number,
  kept: readonly AxisId[],
  inputSize: number,
): Dependence {
  const own = d.along.get(axis);
  const others: Dependence = {
    fixed: d.fixed,
    along: new Map(
      [...d.along].flatMap(([key, reach]) =>
        key === axis ? [] : [[key, { ...reach, where: withoutAxes(reach.where, [axis]) }] as const],
      ),
    ),
  };
  if (!own) return others;
  return joined(others, heldTo(own, axis, kept) ?? fixedBy(own, size, inputSize));
}

/** The reach through a reduced axis as one through the axis that an inequality holds it to. */
function heldTo({ ahead, behind, where }: Reach, axis: AxisId, kept: readonly AxisId[]): Dependence | undefined {
  if (where === 'never') return NOTHING;
  const [limit] = where.filter((b) => b.high === axis && kept.includes(b.low)).sort((a, b) => a.most - b.most);
  if (!limit) return undefined;
  const least = where.filter((b) => b.low === axis && b.high === limit.low).map((b) => b.most);
  const reach: Reach = {
    ahead: ahead + limit.most,
    behind: behind + Math.min(Number.POSITIVE_INFINITY, ...least),
    where: withoutAxes(where, [axis]),
  };
  return { along: new Map([[limit.low, reach]]), fixed: undefined };
}

function fixedBy({ ahead, behind }: Reach, size: number, inputSize: number): Dependence {
  const last = Math.min(inputSize - 1, size - 1 + ahead);
  const first = Math.max(0, -behind);
  return last < first ? NOTHING : { along: new Map(), fixed: { first, last } };
}

/** What one position of an axis needs. */
export function picked(d: Dependence, axis: AxisId, index: number, inputSize: number): Dependence {
  const own = d.along.get(axis);
  const along = new Map([...d.along].filter(([key]) => key !== axis));
  const rest: Dependence = {
    fixed: d.fixed,
    along: mapReaches({ along, fixed: undefined }, (r) => ({ ...r, where: withoutAxes(r.where, [axis]) })),
  };
  if (!own) return rest;
  const last = Math.min(inputSize - 1, index + own.ahead);
  const first = Math.max(0, index - own.behind);
  return last < first ? rest : joined(rest, { along: new Map(), fixed: { first, last } });
}

export function mapReaches(d: Dependence, map: (reach: Reach, axis: AxisId) => Reach): ReadonlyMap<AxisId, Reach> {
  return new Map([...d.along].map(([axis, reach]) => [axis, map(reach, axis)]));
}

export function sameDependence(a: Dependence, b: Dependence): boolean {
  const sameRange = a.fixed?.first === b.fixed?.first && a.fixed?.last === b.fixed?.last;
  return (
    sameRange &&
    a.along.size === b.along.size &&
    [...a.along].every(([axis, x]) => {
      const y = b.along.get(axis);
      return y !== undefined && x.ahead === y.ahead && x.behind === y.behind && x.where.length === y.where.length;
    })
  );
}
