/**
 * A tile of a product that a workgroup computes on matrix units, in a narrow type with sums in f32.
 *
 * Workgroup memory has tiles of the operands for a few turns: while one is multiplied, others are brought. At the barrier of a step
 * all have multiplied the tile of the step before, in whose place the next one comes, and see the tile that they multiply next.
 */

import { FRAGMENT, FRAGMENT_LANES, fragmentPlace, LANE_SUMS } from '../ir/fragment.ts';
import type { ValueId } from '../ir/graph.ts';
import type { Expr } from '../ir/kernel.ts';
import { and, bool, lt, u32 } from '../ir/kernel-expr.ts';
import { DEPTH } from '../ir/multiprocessor.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import { present } from '../support/invariant.ts';
import { range } from '../support/range.ts';
import { type Bringing, copyTile, keepTile, loadedFours, loadTile, positionOf } from './bring-operand.ts';
import type { Emitter } from './element.ts';
import { add, bounded, div, indicesAt, mod, mul } from './index-math.ts';
import {
  fragmentsOf,
  lanesOf,
  type MatrixPart,
  operandElements,
  operandTile,
  type Side,
  STAGED,
  stagedRows,
  stagedStride,
  stagingOf,
  sumsOf,
  turnsOf,
} from './matrix-tile.ts';
import { shortName } from './names.ts';
import { operandsOfPass, type Pass } from './product-terms.ts';
import { storesAlongRows } from './product-tile.ts';
import type { Env, KernelWriter, LocalArray } from './writer.ts';

/** Names of the workgroup memory that all parts use. */
export interface MatrixMemory {
  readonly tiles: Readonly<Record<Side, readonly string[]>>;
  /** Tiles of an operand that it holds at once. */
  readonly turns: number;
  readonly staged: string;
  /** Whether to write sums there is to lose a tile. */
  readonly isOver: boolean;
}

export function matrixMemory(writer: KernelWriter, parts: readonly MatrixPart[]): MatrixMemory {
  const { context } = writer;
  const { type } = present(parts[0], 'part of a product');
  const turns = turnsOf(context, parts);
  const declare = (side: Side): readonly string[] =>
    operandElements(context, parts, side).map((elements) => writer.shared(`${side}_tile`, type, turns * elements));
  const tiles = { row: declare('row'), column: declare('column') };
  const { elements, isOver, side, n } = stagingOf(context, parts, turns);
  const over = isOver ? present(tiles[side][n], 'tile of an operand') : undefined;
  return { tiles, turns, staged: writer.shared('sum_tile', 'f32', elements, over), isOver };
}

/** Where the workgroup's tile lies, and this invocation in the workgroup. */
interface Frame {
  readonly matrix: MatrixPart;
  readonly lane: Expr;
  readonly batchAt: Expr;
  readonly batch: Env;
  readonly first: Readonly<Record<Side, Expr>>;
  /** The number of its subgroup along the rows and the columns. */
  readonly team: Readonly<Record<Side, Expr>>;
}

/** Gets the position over the batch axes, the row, the column and an element of each accumulator. */
export type FinishElement = (batch: Expr, row: Expr, column: Expr, sums: readonly Expr[]) => void;

/** Computes the tile `place` of a part, and gives each of its elements to `finish`. */
export function writeMatrixTile(
  emitter: Emitter,
  matrix: MatrixPart,
  memory: MatrixMemory,
  place: Expr,
  lane: Expr,
  names: readonly string[],
  finish: FinishElement,
): void {
  const { writer } = emitter;
  const frame = frameOf(writer, matrix, place, lane);
  const sums = names.map((name) => writer.array(name === 'sum' ? 'sums' : `${name}_sums`, 'f32', sumsOf(matrix.tile)));
  for (const pass of matrix.passes) addPass(emitter, frame, memory, pass, sums);
  finishTile(writer, frame, memory, sums, names, finish);
}

function frameOf(writer: KernelWriter, matrix: MatrixPart, place: Expr, lane: Expr): Frame {
  const { part, tile, rowTiles, columnTiles } = matrix;
  const batchAt = bounded(div(place, rowTiles * columnTiles), elementsOf(part.batch) - 1);
  const team = div(lane, FRAGMENT_LANES);
  const named = (wish: string, value: Expr): Expr => (value.kind === 'literal' ? value : writer.let(wish, value));
  return {
    matrix,
    lane,
    batchAt,
    batch: indicesAt(batchAt, part.batch),
    first: {
      row: named('first_row', mul(mod(div(place, columnTiles), rowTiles), tile.rows)),
      column: named('first_column', mul(mod(place, columnTiles), tile.columns)),
    },
    team: {
      row: named('row_team', div(team, tile.columnTeams)),
      column: named('column_team', mod(team, tile.columnTeams)),
    },
  };
}

/** An operand of a pass, and how it is brought. */
interface Operand extends Bringing {
  readonly value: ValueId;
  readonly side: Side;
}

function operandsOf(emitter: Emitter, frame: Frame, memory: MatrixMemory, pass: Pass): readonly Operand[] {
  const { context } = emitter.writer;
  const { matrix, lane } = frame;
  const { part, tile } = matrix;
  return (['row', 'column'] as const).flatMap((side) =>
    operandsOfPass(pass, side).map((value, n) => ({
      ...operandTile(context, matrix, pass, side, value),
      ...{ value, side, lane },
      name: shortName(context, value),
      array: present(memory.tiles[side][n], 'tile of an operand'),
      lanes: lanesOf(tile),
      first: frame.first[side],
      axes: side === 'row' ? part.rows : part.columns,
      summed: pass.axes,
      isPadded: side === 'row' && elementsOf(pass.axes) % DEPTH !== 0,
      elementAt: (at) => emitter.element(value, new Map([...frame.batch, ...at])),
    })),
  );
}

function addPass(emitter: Emitter, frame: Frame, memory: MatrixMemory, pass: Pass, sums: readonly LocalArray[]): void {
  const { writer } = emitter;
  const { turns } = memory;
  const operands = operandsOf(emitter, frame, memory, pass);
  const [copied, loaded] = [operands.filter(({ piece }) => piece > 0), operands.filter(({ piece }) => piece === 0)];
  const steps = Math.ceil(elementsOf(pass.axes) / DEPTH);
  const before = turns === 2 ? 'one step' : `${turns - 1} steps`;
  writer.comment(`Each step begins to bring operands, and multiplies those that were brought ${before} before.`);
  writer.loop('step', steps + turns - 1, (step) => {
    // A copy, because the bound holds here only.
    const start = mul(bounded({ ...step }, steps - 1), DEPTH);
    const isBringing = lt(step, u32(steps));
    const turn = mod(step, turns);
    const fours = loaded.map((operand) => ({ operand, four: loadedFours(writer, operand) }));
    if (copied.length > 0) writer.waitCopies(turns - 2);
    writer.barrier();
    writer.when(isBringing, () => {
      for (const operand of copied) copyTile(writer, operand, frame.matrix.type, start, turn);
      for (const { operand, four } of fours) loadTile(writer, operand, start, four);
    });
    if (copied.length > 0) writer.commitCopies();
    writer.when(lt(u32(turns - 2), step), () => {
      multiply(writer, frame, pass, operands, mod(add(step, u32(1)), turns), sums);
    });
    if (fours.length > 0)
      writer.when(isBringing, () => {
        for (const { operand, four } of fours) keepTile(writer, operand, turn, four);
      });
  });
}

/** Adds the products of what lies in the memory of a turn. */
function multiply(
  writer: KernelWriter,
  frame: Frame,
  pass: Pass,
  operands: readonly Operand[],
  turn: Expr,
  sums: readonly LocalArray[],
): void {
  const { type, tile } = frame.matrix;
  const fragments = fragmentsOf(tile);
  const fragmentOf = (operand: Operand, i: number, step: Expr): string => {
    const { side, name, array, stride, along } = operand;
    const line = add(mul(frame.team[side], FRAGMENT * fragments[side]), u32(FRAGMENT * i));
    const index = positionOf(operand, turn, line, step);
    return writer.loadFragment(`${name}_${i}`, { side, array, index, stride, along });
  };
  writer.loop(
    'place',
    DEPTH,
    (step) => {
      const rows = new Map(
        operands
          .filter(({ side }) => side === 'row')
          .map((operand) => [operand.value, range(fragments.row).map((i) => fragmentOf(operand, i, step))]),
      );
      for (const operand of operands.filter(({ side }) => side === 'column'))
        for (const j of range(fragments.column)) {
          const column = fragmentOf(operand, j, step);
          for (const term of pass.terms.filter((t) => t.column === operand.value))
            present(rows.get(term.row), 'fragments of rows').forEach((row, i) => {
              const first = u32(LANE_SUMS * (i * fragments.column + j));
              writer.multiplyFragments(present(sums[term.sum], 'sums'), first, { type, row, column });
            });
        }
    },
    { step: u32(FRAGMENT) },
  );
}

/**
 * Gives the elements of the tile to `finish`, through workgroup memory, so that neighbours in memory are stored together: fours of them
 * by one invocation, where rows of the result have whole fours.
 */
function finishTile(
  writer: KernelWriter,
  frame: Frame,
  memory: MatrixMemory,
  sums: readonly LocalArray[],
  names: readonly string[],
  finish: FinishElement,
): void {
  const { tile, part } = frame.matrix;
  const fragments = fragmentsOf(tile);
  const [rows, stride] = [stagedRows(tile), stagedStride(tile)];
  const staged = LANE_SUMS * fragments.column * STAGED;
  const at = (sum: number, row: Expr, column: Expr): Expr =>
    add(u32(sum * rows * stride), add(mul(row, stride), column));
  const alongRows = storesAlongRows(writer.context, part);
  const width = alongRows || elementsOf(part.columns) % 4 !== 0 ? 1 : 4;
  if (memory.isOver) writer.barrier();
  writer.loop('part', fragments.row / STAGED, (stage) => {
    writer.loop('n', staged, (n) => {
      const own = fragmentPlace(mod(frame.lane, FRAGMENT_LANES), mod(n, LANE_SUMS));
      const [i, j] = [div(n, LANE_SUMS * fragments.column), mod(div(n, LANE_SUMS), fragments.column)];
      const row = add(add(mul(frame.team.row, STAGED * FRAGMENT), mul(i, FRAGMENT)), own.row);
      const column = add(add(mul(frame.team.column, fragments.column * FRAGMENT), mul(j, FRAGMENT)), own.column);
      sums.forEach((sum, k) => {
        writer.storeShared(memory.staged, at(k, row, column), sum.at(add(mul(stage, staged), n)));
      });
    });
    writer.barrier();
    const give = (place: Expr): void => {
      const [row, first] = alongRows
        ? [mod(place, rows), div(place, rows)]
        : [div(place, tile.columns / width), mul(mod(place, tile.columns / width), width)];
      const team = mul(div(row, STAGED * FRAGMENT), fragments.row * FRAGMENT);
      const inTile = add(add(team, mul(stage, STAGED * FRAGMENT)), mod(row, STAGED * FRAGMENT));
      const rowAt = writer.let('row', add(frame.first.row, inTile));
      const columnAt = writer.let('column', add(frame.first.column, first));
      whenInside(writer, frame, rowAt, columnAt, () =>
        writer.loop('n', width, (n) => {
          const elements = names.map((name, k) => {
            const index = at(k, row, add(first, n));
            return writer.let(name, { kind: 'load_shared', type: 'f32', array: memory.staged, index });
          });
          // Copies, because the bounds of the axes hold here only.
          finish(frame.batchAt, { ...rowAt }, add(columnAt, n), elements);
        }),
      );
    };
    const all = (rows * tile.columns) / width;
    writer.loop('place', all, give, { from: frame.lane, step: u32(lanesOf(tile)), max: all - 1 });
    if (fragments.row > STAGED) writer.barrier();
  });
}

/** What `write` writes, for a row and a column that are not behind the last. */
function whenInside(writer: KernelWriter, { matrix }: Frame, row: Expr, column: Expr, write: () => void): void {
  const { part, tile } = matrix;
  const [rows, columns] = [elementsOf(part.rows), elementsOf(part.columns)];
  const inRows = rows % tile.rows === 0 ? bool(true) : lt(row, u32(rows));
  const inColumns = columns % tile.columns === 0 ? bool(true) : lt(column, u32(columns));
  const inside = and(inRows, inColumns);
  if (inside.kind === 'literal') write();
  else writer.when(inside, write);
}
