/**
 * What attention kernels on matrix units do with rows of queries, keys and values.
 *
 * A subgroup owns rows: of queries where it looks at all keys they can see, of keys where it looks at all queries that
 * see them. Own rows and a block of the others lie in narrow workgroup memory. Products of the two are squares of sums
 * in registers; what becomes of them is rounded to fragments without leaving the registers, and multiplied with the
 * others once more. A lane has two rows of each square, and four lanes have a row together.
 */

import { FRAGMENT, fragmentPlace, LANE_SUMS } from '../ir/fragment.ts';
import type { Axis, ValueId } from '../ir/graph.ts';
import type { Expr } from '../ir/kernel.ts';
import { binary, lt, u32 } from '../ir/kernel-expr.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import { range } from '../support/range.ts';
import type { RowTile } from './attend-bring.ts';
import type { AttendSpread } from './attend-finish.ts';
import { type AttendTile, lanesOf, ownRowsOf } from './attend-matrix-tile.ts';
import { type OwnTile, tilesOver } from './attend-own.ts';
import type { Emitter } from './element.ts';
import { add, atMost, div, indicesAt, mod, mul } from './index-math.ts';
import type { Env, KernelWriter, LocalArray } from './writer.ts';

/** `wish`: what a workgroup owns. `batches`: how many times all of them are gone through. */
export function spreadOver(tile: AttendTile, over: Axis, wish: string, batches: number): AttendSpread {
  const own = `${ownRowsOf(tile)} ${wish} per workgroup, ${FRAGMENT * tile.fragments} per subgroup`;
  const text = `${own}, by ${tile.block} of the others at a time; multiplied in ${tile.type}.`;
  return { lanes: lanesOf(tile), groups: tilesOver(tile, over) * batches, text, shuffles: true };
}

/** Products of the own rows with those of a block: squares of sums, those of one fragment of own rows together. */
export function multiplyRows(
  writer: KernelWriter,
  own: OwnTile,
  wish: string,
  rows: RowTile,
  others: RowTile,
): LocalArray {
  const { tile, rowTeam } = own;
  const squares = tile.block / FRAGMENT;
  const sums = writer.array(wish, 'f32', LANE_SUMS * tile.fragments * squares);
  const firstRow = mul(rowTeam, FRAGMENT * tile.fragments);
  const step = (place: Expr): void => {
    const mine = range(tile.fragments).map((f) => {
      const index = add(rows.from, add(mul(add(firstRow, u32(FRAGMENT * f)), rows.stride), place));
      return writer.loadFragment(`${rows.name}_${f}`, {
        ...IN_ROWS,
        side: 'row',
        array: rows.array,
        index,
        stride: rows.stride,
      });
    });
    writer.loop('square', squares, (square) => {
      const index = add(others.from, add(mul(square, FRAGMENT * others.stride), place));
      const { array, stride, name } = others;
      const theirs = writer.loadFragment(name, { ...IN_ROWS, side: 'column', array, index, stride });
      mine.forEach((row, f) => {
        const first = add(u32(LANE_SUMS * squares * f), mul(square, LANE_SUMS));
        writer.multiplyFragments(sums, first, { type: tile.type, row, column: theirs });
      });
    });
  };
  writer.loop('place', rows.width, step, { step: u32(FRAGMENT) });
  return sums;
}

const IN_ROWS = { along: 'sum' } as const;

/** Adds weights, which are squares of own rows by rows of a block, times those rows to what is added up for the own rows. */
export function addWeighted(
  writer: KernelWriter,
  own: OwnTile,
  wish: string,
  weights: LocalArray,
  others: RowTile,
  into: LocalArray,
): void {
  const { tile, columnTeam } = own;
  const squares = tile.block / FRAGMENT;
  const columns = columnsOf(own, others.width);
  writer.loop('square', squares, (square) => {
    const mine = range(tile.fragments).map((f) => {
      const first = add(u32(LANE_SUMS * squares * f), mul(square, LANE_SUMS));
      return writer.roundFragment(`${wish}_${f}`, tile.type, weights, first);
    });
    writer.loop('column', columns, (column) => {
      const at = add(mul(columnTeam, FRAGMENT * columns), mul(column, FRAGMENT));
      const index = add(others.from, add(mul(square, FRAGMENT * others.stride), at));
      const { array, stride, name } = others;
      const theirs = writer.loadFragment(name, { side: 'column', array, index, stride, along: 'lines' });
      mine.forEach((row, f) => {
        const first = add(u32(LANE_SUMS * columns * f), mul(column, LANE_SUMS));
        writer.multiplyFragments(into, first, { type: tile.type, row, column: theirs });
      });
    });
  });
}

/** Squares of a subgroup along a row of this width. */
export function columnsOf({ tile }: OwnTile, width: number): number {
  return width / FRAGMENT / tile.columnTeams;
}

/** What is added up for the own rows. */
export function beginResults(writer: KernelWriter, own: OwnTile, wish: string, width: number): LocalArray {
  return writer.array(wish, 'f32', LANE_SUMS * own.tile.fragments * columnsOf(own, width));
}

/** Rows that a lane has a part of. */
export function slotsOf({ fragments }: AttendTile): number {
  return 2 * fragments;
}

/** A row of the lane: its position, which may be beyond the last, and the index of it or of the last. */
export function rowOf(own: OwnTile, slot: Expr): { readonly at: Expr; readonly env: Env } {
  const { tile, rowTeam, member, first, over, outer } = own;
  const fragment = add(mul(rowTeam, tile.fragments), div(slot, 2));
  const inSquare = add(div(member, 4), mul(mod(slot, 2), 8));
  const at = add(first, add(mul(fragment, FRAGMENT), inSquare));
  return { at, env: new Map([...outer, [over.id, atMost(at, over.size - 1)] as const]) };
}

/** Calls `body` for each row of the lane. */
export function eachRow(writer: KernelWriter, own: OwnTile, body: (slot: Expr) => void): void {
  writer.loop('row', slotsOf(own.tile), body);
}

/** Calls `body` for the lane's elements of a row: with their place in the array, and their column among `squares`. */
export function eachElement(
  writer: KernelWriter,
  own: OwnTile,
  slot: Expr,
  squares: number,
  body: (element: Expr, column: Expr) => void,
): void {
  writer.loop('n', 4 * squares, (n) => {
    const square = div(n, 4);
    // Of the 8 elements of a square, those of the upper row are 0, 1, 4 and 5.
    const inSquare = add(mul(div(mod(n, 4), 2), 4), mod(n, 2));
    const fragment = mul(div(slot, 2), LANE_SUMS * squares);
    const element = add(add(fragment, mul(square, LANE_SUMS)), add(inSquare, mul(mod(slot, 2), 2)));
    body(element, add(mul(square, FRAGMENT), fragmentPlace(own.member, inSquare).column));
  });
}

/** A number of each lane joined with those of the other three that have the row. */
export function overRow(writer: KernelWriter, own: OwnTile, wish: string, value: Expr, op: 'add' | 'max'): Expr {
  const { member } = own;
  const join = (mine: Expr, size: 2 | 4): Expr => {
    const lane = add(mul(div(member, size), size), mod(add(member, u32(size / 2)), size));
    return writer.let(wish, binary(op, mine, writer.shuffle(`${wish}_there`, mine, lane)));
  };
  return join(join(writer.let(wish, value), 2), 4);
}

/** Stores results, where there are such rows and columns. */
export function storeResults(
  emitter: Emitter,
  own: OwnTile,
  value: ValueId,
  dims: readonly Axis[],
  width: number,
  results: LocalArray,
  result: (element: Expr, slot: Expr) => Expr,
): void {
  const { writer } = emitter;
  const columns = columnsOf(own, width);
  const size = elementsOf(dims);
  eachRow(writer, own, (slot) => {
    const { at, env } = rowOf(own, slot);
    whereRow(writer, own, at, () =>
      eachElement(writer, own, slot, columns, (element, column) => {
        const place = add(mul(own.columnTeam, FRAGMENT * columns), column);
        const store = (): void => {
          const inside = new Map([...env, ...indicesAt(atMost(place, size - 1), dims)]);
          writer.store(value, writer.positionOf(value, inside), result(results.at(element), slot));
        };
        if (size < width) writer.when(lt(place, u32(size)), store);
        else store();
      }),
    );
  });
}

/** Stores a number of each own row, by the first of its lanes. */
export function storeOfRow(emitter: Emitter, own: OwnTile, value: ValueId, result: (slot: Expr) => Expr): void {
  const { writer } = emitter;
  eachRow(writer, own, (slot) => {
    const { at, env } = rowOf(own, slot);
    const number = result(slot);
    const team = add(own.columnTeam, mod(own.member, 4));
    whereRow(writer, own, at, () =>
      writer.when(binary('eq', team, u32(0)), () => writer.store(value, writer.positionOf(value, env), number)),
    );
  });
}

function whereRow(writer: KernelWriter, { over, count }: OwnTile, at: Expr, then: () => void): void {
  if (over.size % count === 0) then();
  else writer.when(lt(at, u32(over.size)), then);
}
