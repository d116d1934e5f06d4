/** How a set of ops is done in pieces along an axis. */
import type { Axis, Op, ValueId } from '../../ir/graph.ts';
import { resultOf } from '../../ir/op-parts.ts';
import { divisorsOf } from '../../support/divisors.ts';
import { present } from '../../support/invariant.ts';
import { positionAt } from '../../support/source.ts';
import { weightOf } from '../effort.ts';
import { axisCut, type Cut, cutAlong } from './axis-names.ts';
import { findBorder } from './border.ts';
import { type GraphFacts, usedBy } from './graph-facts.ts';
import { isStored } from './large-values.ts';
import { type MakePiece, pieceOf } from './piece-rules.ts';

export interface InPieces {
  readonly kind: 'pieces';
  readonly cut: Cut;
  readonly axis: Axis;
  /** The ops of the set, which the loop does in place of the block. */
  readonly set: ReadonlySet<Op>;
  /** What an iteration does, in order: the set, and before it what is done again so that less is stored. */
  readonly body: readonly { readonly op: Op; readonly make: MakePiece }[];
  /** Values from outside of which an iteration takes a piece. */
  readonly taken: readonly ValueId[];
  /** Values that others need: the pieces of these lie side by side, and the parts of those are added up. */
  readonly stacked: readonly ValueId[];
  readonly summed: readonly ValueId[];
}

/** Why a set cannot be done in pieces: what follows a colon. */
export interface Obstacle {
  readonly kind: 'obstacle';
  readonly why: string;
}

interface Sizes {
  readonly bytesOf: (id: ValueId) => number;
  /** Bytes of a value that is not large. */
  readonly usual: number;
}

/** The first way that there is, or what stands in the way of the first that one would take. */
export function findPieces(set: ReadonlySet<Op>, facts: GraphFacts, sizes: Sizes): InPieces | Obstacle {
  let first: Obstacle | undefined;
  for (const { axis, pieces } of waysToCut(set, facts, sizes)) {
    const found = piecesAlong(axis, pieces, set, facts, sizes);
    if (found.kind === 'pieces') return found;
    first ??= found;
  }
  return first ?? { kind: 'obstacle', why: 'no axis of it has parts' };
}

/** Along the axes of the largest value that is stored: the fewest pieces that are not large, of equally many those along the outermost axis. */
function waysToCut(set: ReadonlySet<Op>, facts: GraphFacts, { bytesOf, usual }: Sizes) {
  const values = [...set].filter(isStored).flatMap((op) => op.results.map(({ id }) => id));
  const largest = values.reduce((a, b) => (bytesOf(b) > bytesOf(a) ? b : a));
  const ways = facts.typeOf(largest).axes.flatMap((axis) => {
    const counts = divisorsOf(axis.size).filter((n) => n > 1);
    const enough = counts.find((n) => bytesOf(largest) / n <= usual) ?? counts.at(-1);
    return enough === undefined ? [] : [{ axis, pieces: enough, isEnough: bytesOf(largest) / enough <= usual }];
  });
  const rank = (way: (typeof ways)[number]): number =>
    way.isEnough ? way.pieces : Number.MAX_SAFE_INTEGER - way.pieces;
  return ways.toSorted((a, b) => rank(a) - rank(b));
}

function piecesAlong(
  axis: Axis,
  pieces: number,
  set: ReadonlySet<Op>,
  facts: GraphFacts,
  { bytesOf, usual }: Sizes,
): InPieces | Obstacle {
  const ops = facts.ops.filter((op) => set.has(op));
  const cut = cutAlong(axis, pieces, ops, facts.typeOf);
  const isPiece = (id: ValueId): boolean => axisCut(cut, facts.typeOf(id).axes) !== undefined;
  const inside = new Set(ops.flatMap((op) => op.results.map(({ id }) => id)));
  const isNeeded = (id: ValueId): boolean => facts.isOutput(id) || facts.users(id).some((op) => !set.has(op));
  const needed = [...inside].filter(isNeeded);
  const obstacle = (why: string): Obstacle => ({ kind: 'obstacle', why });
  for (const op of ops) {
    if (!pieceOf(op, cut, facts.typeOf)) return obstacle(`${placed(op)} does not go by pieces of ${axis.name}`);
    if (usedBy(op).some((id) => inside.has(id) && !isPiece(id)))
      return obstacle(`${placed(op)} waits for a sum over all of ${axis.name}`);
  }
  if (needed.some((id) => bytesOf(id) > usual && isPiece(id))) return obstacle('it is asked for as a whole');
  const { taken, again } = findBorder(set, cut, facts, bytesOf);
  // Kernels make what is made of nothing where they need it; to take pieces of it, it would have to be stored.
  const leaf = taken
    .map(facts.maker)
    .find((op) => op && weightOf(op) === 'leaf' && bytesOf(resultOf(op, 0).id) > usual);
  if (leaf) return obstacle(`${placed(leaf)} counts from the first element`);
  const body = facts.ops.filter((op) => set.has(op) || again.has(op));
  return {
    kind: 'pieces',
    cut,
    axis,
    set,
    body: body.map((op) => ({ op, make: present(pieceOf(op, cut, facts.typeOf), 'a way to make a piece') })),
    taken,
    stacked: needed.filter(isPiece),
    summed: needed.filter((id) => !isPiece(id)),
  };
}

/** `contract at model.tfm:7:5`. */
function placed({ kind, span }: Op): string {
  const { line, column } = positionAt(span.source, span.start);
  return `${kind} at ${span.source.path}:${line}:${column}`;
}
