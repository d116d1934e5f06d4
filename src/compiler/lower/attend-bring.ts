/**
 * How rows of queries, keys and values come to workgroup memory.
 *
 * What lies in memory in the type in which it is multiplied is copied there, in pieces; anything else is loaded, rounded and stored.
 * Where workgroup memory has room for two blocks of the others, the next one is copied while one is multiplied.
 */
import type { Axis, ValueId } from '../ir/graph.ts';
import type { Expr } from '../ir/kernel.ts';
import { bool, f32, lt, select, u32 } from '../ir/kernel-expr.ts';
import { ELEMENT_BYTES } from '../ir/storage-type.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import { present } from '../support/invariant.ts';
import { range } from '../support/range.ts';
import { blockRange, overBlocks, type Reach } from './attend-blocks.ts';
import { type AttendTile, lanesOf, PADDING } from './attend-matrix-tile.ts';
import type { OwnTile } from './attend-own.ts';
import type { Emitter } from './element.ts';
import { add, atMost, bounded, div, indicesAt, mod, mul, multiple } from './index-math.ts';
import { copiedPiece } from './matrix-tile.ts';
import { shortName } from './names.ts';
import { withinFour, withinGroup } from './product-frame.ts';
import type { Env, KernelWriter } from './writer.ts';

/** Rows in narrow workgroup memory. */
export interface RowTile {
  readonly value: ValueId;
  readonly array: string;
  readonly name: string;
  readonly dims: readonly Axis[];
  /** Elements of a row with the zeros behind them, and with the padding too. */
  readonly width: number;
  readonly stride: number;
  readonly rows: number;
  /** The first element, which depends on the turn where there are two. */
  readonly from: Expr;
  /** Elements that are copied at once; 0 where they come through registers. */
  readonly piece: number;
}

/** Workgroup memory for rows of a value, `turns` times; `width` is that of whole fragments. */
export function rowTile(
  writer: KernelWriter,
  { type }: AttendTile,
  value: ValueId,
  dims: readonly Axis[],
  rows: number,
  width: number,
  turns = 1,
): RowTile {
  const { context } = writer;
  const name = shortName(context, value);
  const stride = width + PADDING;
  const array = writer.shared(`${name}_tile`, type, turns * rows * stride);
  return {
    value,
    array,
    name,
    dims,
    width,
    stride,
    rows,
    from: u32(0),
    piece: copiedPiece(context, value, dims, type),
  };
}

/** Brings rows from `first` on to workgroup memory; beyond the last, the last again. Copies have to be waited for. */
export function bringRows(emitter: Emitter, own: OwnTile, rows: RowTile, first: Expr, outside: Env): void {
  if (rows.piece > 0) copyRows(emitter, own, rows, first, outside);
  else loadRows(emitter, own, rows, first, outside);
}

function copyRows({ writer, element }: Emitter, own: OwnTile, rows: RowTile, first: Expr, outside: Env): void {
  const { over, tile } = own;
  const { piece } = rows;
  const size = elementsOf(rows.dims);
  eachPiece(writer, own, rows, piece, (row, start) => {
    const inside = atMost(add(first, row), over.size - 1);
    const elements = range(piece).map((c) => {
      const at = withinGroup(add(start, u32(c)), size, piece);
      return element(rows.value, new Map([...outside, [over.id, inside] as const, ...indicesAt(at, rows.dims)]));
    });
    const { buffer, index } = present(writer.piece(elements, tile.type), 'neighbours of a row');
    const to = div(add(rows.from, add(mul(row, rows.stride), start)), piece);
    const isReal = size < rows.width ? lt(start, u32(size)) : bool(true);
    writer.copyShared({ array: rows.array, to, buffer, from: index, elements: piece, inside: isReal });
  });
}

function loadRows({ writer, element }: Emitter, own: OwnTile, rows: RowTile, first: Expr, outside: Env): void {
  const { over } = own;
  const size = elementsOf(rows.dims);
  eachPiece(writer, own, rows, 4, (row, start) => {
    const inside = atMost(add(first, row), over.size - 1);
    const elements = range(4).map((c) => {
      const wanted = add(start, u32(c));
      const env = new Map([...outside, [over.id, inside] as const, ...indicesAt(withinFour(wanted, size), rows.dims)]);
      const one = element(rows.value, env);
      return size < rows.width && size % 4 !== 0 ? select(lt(wanted, u32(size)), one, f32(0)) : one;
    });
    const four = writer.four(elements);
    const zero: Expr = { kind: 'vector', type: 'vec4', parts: [f32(0)] };
    const kept = size < rows.width && size % 4 === 0 ? select(lt(start, u32(size)), four, zero) : four;
    writer.storeShared(rows.array, div(add(rows.from, add(mul(row, rows.stride), start)), 4), kept);
  });
}

/** Calls `bring` for each group of `width` neighbours in rows, with its row and its place there. */
function eachPiece(
  writer: KernelWriter,
  { lane, tile }: OwnTile,
  { rows, width, piece: copied }: RowTile,
  piece: number,
  bring: (row: Expr, start: Expr) => void,
): void {
  const pieces = width / piece;
  const [all, lanes] = [rows * pieces, lanesOf(tile)];
  const write = (at: Expr): void => bring(div(at, pieces), mul(mod(at, pieces), piece));
  // Compilers unroll a loop with so many passes for all, and loads of several passes take registers, which copies do not.
  if (copied > 0 && all % lanes === 0) writer.loop('n', all / lanes, (n) => write(add(mul(n, lanes), lane)));
  else writer.loop('place', all, write, { from: lane, step: u32(lanes), max: all - 1 });
}

/** Brings a number of a row to workgroup memory: copies it, where the row is copied too. */
export function bringNumber(
  { writer, element }: Emitter,
  { piece }: RowTile,
  array: string,
  to: Expr,
  value: ValueId,
  at: Env,
): void {
  const number = element(value, at);
  const canCopy = piece > 0 && writer.context.limits.copyBytes >= ELEMENT_BYTES.f32;
  const place = canCopy ? writer.piece([number], 'f32') : undefined;
  if (!place) writer.storeShared(array, to, number);
  else writer.copyShared({ array, to, buffer: place.buffer, from: place.index, elements: 1, inside: bool(true) });
}

/** What a workgroup takes in block by block. */
export interface Others {
  /** What its rows are. */
  readonly wish: string;
  readonly reach: Reach;
  /** Its rows, and those that stay. */
  readonly tiles: readonly RowTile[];
  readonly own: readonly RowTile[];
  /** Brings what there is for a block. */
  readonly bring: (start: Expr, turn: Expr) => void;
}

/** Calls `multiply` for each block that matters to the own rows, when it is in the workgroup memory of its turn. */
export function overBrought(
  writer: KernelWriter,
  own: OwnTile,
  { wish, reach, tiles, own: mine, bring }: Others,
  multiply: (start: Expr, turn: Expr) => void,
): void {
  const { over, tile } = own;
  const isCopying = [...tiles, ...mine].some(({ piece }) => piece > 0);
  if (tile.turns === 1) {
    overBlocks(writer, wish, over, own, reach, tile.block, (start) => {
      bring(start, u32(0));
      if (isCopying) {
        writer.commitCopies();
        writer.waitCopies(0);
      }
      writer.barrier();
      multiply(start, u32(0));
      writer.barrier();
    });
    return;
  }
  const { from, to, max } = blockRange(over, own, reach, tile.block);
  const turnOf = (start: Expr): Expr => mod(div(start, tile.block), 2);
  const bringTurn = (start: Expr): void => {
    bring(start, turnOf(start));
    writer.commitCopies();
  };
  writer.comment('One block is copied while the one before is multiplied.');
  bringTurn(bounded(multiple({ ...from }, tile.block), max));
  const step = (start: Expr): void => {
    writer.waitCopies(0);
    writer.barrier();
    const next = add(start, u32(tile.block));
    writer.when(lt(next, to), () => bringTurn(bounded(multiple({ ...next }, tile.block), max)));
    multiply(start, turnOf(start));
  };
  writer.loop(`first_${wish}`, to, step, { from, step: u32(tile.block), max });
  writer.barrier();
}

/** Rows of values with the outer axes of the own ones. */
export function broughtRows(
  emitter: Emitter,
  own: OwnTile,
  wish: string,
  reach: Reach,
  tiles: readonly RowTile[],
  mine: readonly RowTile[],
): Others {
  const bring = (start: Expr, turn: Expr): void => {
    for (const rows of tiles) bringRows(emitter, own, inTurn(rows, turn), start, own.outer);
  };
  return { wish, reach, tiles, own: mine, bring };
}

/** The rows of a turn. */
export function inTurn(rows: RowTile, turn: Expr): RowTile {
  return { ...rows, from: mul(turn, rows.rows * rows.stride) };
}
