/**
 * How attention on matrix units is spread: own rows of a workgroup, and rows of the others that it takes in at once.
 *
 * Few registers and little workgroup memory stand against what large tiles save, and the largest choice that fits is
 * taken. Where heads are wide, subgroups share the columns of results; each of them computes the scores then.
 */

import { FRAGMENT, FRAGMENT_LANES, LANE_SUMS } from '../ir/fragment.ts';
import type { Axis, ValueId } from '../ir/graph.ts';
import type { NarrowType } from '../ir/kernel.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import type { AttendOp } from '../ops/attend-shapes.ts';
import { type AttendParts, otherOperand } from './attend-parts.ts';
import type { LowerContext } from './context.ts';
import { copiedPiece } from './matrix-tile.ts';

export interface AttendTile {
  readonly type: NarrowType;
  /** Subgroups along the own rows, and along the columns of what is added up for them. */
  readonly rowTeams: number;
  readonly columnTeams: number;
  /** Fragments of own rows that a subgroup has. */
  readonly fragments: number;
  /** Rows of the others that are taken in at once. */
  readonly block: number;
  /** Elements of a row of the head and of the values, with zeros up to whole fragments of all teams. */
  readonly head: number;
  readonly value: number;
  /** Blocks of the others in workgroup memory: 2 where one is copied while another is multiplied. */
  readonly turns: 1 | 2;
}

/** Elements behind each row in workgroup memory, so that rows begin in unlike banks. */
export const PADDING = 8;

/** Subgroups along rows and columns, the cheapest first. */
const TEAMS = [
  [4, 1],
  [2, 1],
  [4, 2],
  [2, 2],
  [1, 4],
] as const;

/** Floats of local arrays that an invocation may have. */
const FLOATS = 140;

interface Need {
  /** Squares of sums, for each fragment of own rows: of blocks, and of results. */
  readonly scores: number;
  readonly results: (tile: AttendTile) => number;
  /** The rows of the others. */
  readonly brought: (parts: AttendParts) => readonly (readonly [ValueId, readonly Axis[]])[];
  /** Elements of a row that own rows, and the others, have in workgroup memory. */
  readonly own: (tile: AttendTile) => number;
  readonly others: (tile: AttendTile) => number;
}

const BOTH = (tile: AttendTile): number => tile.head + tile.value;

const KEYS: Need['brought'] = ({ k, v, head, value }) => [
  [k, head],
  [v, value],
];
const QUERIES: Need['brought'] = (parts) => [
  [parts.q, parts.head],
  [otherOperand(parts, 2), parts.value],
];

const NEEDS: { readonly [K in AttendOp['kind']]: Need } = {
  attend: { scores: 1, results: ({ value }) => value, brought: KEYS, own: ({ head }) => head, others: BOTH },
  attend_backward_query: { scores: 2, results: ({ head }) => head, brought: KEYS, own: BOTH, others: BOTH },
  attend_backward_key: { scores: 2, results: BOTH, brought: QUERIES, own: BOTH, others: BOTH },
};

/** The largest tile that fits; undefined where attention is not to be computed in a narrow type, or none fits. */
export function chooseAttendTile(context: LowerContext, op: AttendOp, parts: AttendParts): AttendTile | undefined {
  const { precision, limits } = context;
  if (precision === 'f32' || limits.matrixUnits === 0) return undefined;
  const need = NEEDS[op.kind];
  const isCopied = need.brought(parts).every(([id, dims]) => copiedPiece(context, id, dims, precision) > 0);
  for (const [rowTeams, columnTeams] of TEAMS)
    for (const fragments of [2, 1])
      for (const block of [64, 32, 16]) {
        const whole = (axes: readonly Axis[]): number => roundedUp(elementsOf(axes), FRAGMENT * columnTeams);
        const [head, value] = [whole(parts.head), whole(parts.value)];
        const once: AttendTile = { type: precision, rowTeams, columnTeams, fragments, block, head, value, turns: 1 };
        const twice: AttendTile = { ...once, turns: 2 };
        if (isCopied && fits(context, need, twice)) return twice;
        if (fits(context, need, once)) return once;
      }
  return undefined;
}

function fits({ limits }: LowerContext, need: Need, tile: AttendTile): boolean {
  const squares = need.scores * (tile.block / FRAGMENT) + need.results(tile) / FRAGMENT / tile.columnTeams;
  const floats = tile.fragments * (LANE_SUMS * squares + 4);
  // Two or so arrays, each with padding, and two floats for each of the other rows.
  const own = ownRowsOf(tile) * (need.own(tile) + 2 * PADDING);
  const others = tile.turns * tile.block * (need.others(tile) + 2 * PADDING);
  const bytes = 2 * (own + others) + 8 * tile.turns * tile.block;
  // Two workgroups at a time: one loads while the other multiplies.
  return floats <= FLOATS && 2 * bytes <= limits.sharedBytes && lanesOf(tile) <= limits.invocationsPerGroup;
}

function roundedUp(n: number, to: number): number {
  return Math.ceil(n / to) * to;
}

export function lanesOf({ rowTeams, columnTeams }: AttendTile): number {
  return FRAGMENT_LANES * rowTeams * columnTeams;
}

/** Squares of sums of a block, for each fragment of own rows. */
export function squaresOf({ block }: AttendTile): number {
  return block / FRAGMENT;
}

/** Own rows of a workgroup. */
export function ownRowsOf({ rowTeams, fragments }: AttendTile): number {
  return FRAGMENT * fragments * rowTeams;
}
