/** Where an invocation's tile of a product lies. */
import type { Axis, ValueId } from '../ir/graph.ts';
import type { Expr } from '../ir/kernel.ts';
import { u32 } from '../ir/kernel-expr.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import { add, atMost, bounded, div, indicesAt, mod, mul } from './index-math.ts';
import { shortName } from './names.ts';
import { columnOffset, type Tile, type TiledPart, tileColumns, tileRows } from './product-tile.ts';
import type { Env, KernelWriter } from './writer.ts';

export interface Frame {
  readonly tile: Tile;
  readonly rows: readonly Axis[];
  readonly columns: readonly Axis[];
  /** The number of the invocation in its workgroup. */
  readonly lane: Expr;
  /** The position over the batch axes, and the index of each. */
  readonly batchAt: Expr;
  readonly batch: Env;
  /** The first row and column of the workgroup's tile, and of the invocation's. They may lie beyond the last. */
  readonly firstRow: Expr;
  readonly firstColumn: Expr;
  readonly row: Expr;
  readonly column: Expr;
  /** The indices of the invocation's i-th row or column; beyond the last, those of the last. */
  rowAt(i: Expr): Env;
  columnAt(i: number): Env;
  /** A name for elements of an operand. */
  nameOf(value: ValueId): string;
}

/** `place`: the number of the tile in its part. */
export function frameOf(writer: KernelWriter, tiled: TiledPart, place: Expr, lane: Expr): Frame {
  const { part, tile, rowTiles, columnTiles } = tiled;
  const batchAt = bounded(div(place, rowTiles * columnTiles), elementsOf(part.batch) - 1);
  const firstRow = mul(mod(div(place, columnTiles), rowTiles), tileRows(tile));
  const firstColumn = mul(mod(place, columnTiles), tileColumns(tile));
  const row = writer.let('row', add(firstRow, mul(div(lane, tile.columnLanes), tile.rows)));
  const column = writer.let('column', add(firstColumn, mul(mod(lane, tile.columnLanes), columnOffset(tile, 0).ofLane)));
  const clamped = (wish: string, position: Expr, axes: readonly Axis[]): Env => {
    const index = withinFour(position, elementsOf(axes));
    writer.hint(index, wish);
    return indicesAt(index, axes);
  };
  return {
    tile,
    rows: part.rows,
    columns: part.columns,
    lane,
    batchAt,
    batch: indicesAt(batchAt, part.batch),
    firstRow,
    firstColumn,
    row,
    column,
    rowAt: (i) => clamped('row', add(row, i), part.rows),
    columnAt: (i) => clamped('column', add(column, u32(columnOffset(tile, i).own)), part.columns),
    nameOf: (value) => shortName(writer.context, value),
  };
}

/** `position`, or one of the last four: neighbours in a group of four stay neighbours where all groups are whole. */
export function withinFour(position: Expr, count: number): Expr {
  return withinGroup(position, count, 4);
}

/** The like for groups of `width`. */
export function withinGroup(position: Expr, count: number, width: number): Expr {
  const inGroup = mod(position, width);
  if (count % width !== 0 || inGroup.kind !== 'literal') return atMost(position, count - 1);
  return add(mul(atMost(div(position, width), count / width - 1), width), inGroup);
}
