/**
 * A tile of a product that a workgroup computes on matrix units, in a narrow type with sums in f32.
 *
 * Each pass over a stretch of the sum loads the next operands into registers before it multiplies those that are in
 * workgroup memory, and then stores the loaded ones into the other half of it: loads are under way while units multiply,
 * and one barrier a pass is enough.
 */

import { FRAGMENT, FRAGMENT_LANES, fragmentPlace, LANE_SUMS } from '../ir/fragment.ts';
import type { Axis, ValueId } from '../ir/graph.ts';
import type { Expr } from '../ir/kernel.ts';
import { f32, lt, select, u32 } from '../ir/kernel-expr.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import { present } from '../support/invariant.ts';
import type { LowerContext } from './context.ts';
import type { Emitter } from './element.ts';
import { add, atMost, bounded, div, indicesAt, mod, mul } from './index-math.ts';
import {
  DEPTH,
  fragmentsOf,
  lanesOf,
  type MatrixPart,
  type OperandTile,
  operandElements,
  operandTile,
  type Side,
  STAGED,
  stagedRows,
  stagedStride,
  stagingOf,
  sumsOf,
  TURNS,
} from './matrix-tile.ts';
import { shortName } from './names.ts';
import { withinFour } from './product-frame.ts';
import { range } from './product-sums.ts';
import { operandsOfPass, type Pass } from './product-terms.ts';
import { storesAlongRows } from './product-tile.ts';
import type { Env, KernelWriter, LocalArray } from './writer.ts';

/** Names of the workgroup memory that all parts use. */
export interface MatrixMemory {
  readonly tiles: Readonly<Record<Side, readonly string[]>>;
  readonly staged: string;
}

export function matrixMemory(writer: KernelWriter, parts: readonly MatrixPart[]): MatrixMemory {
  const { context } = writer;
  const { type } = present(parts[0], 'part of a product');
  const declare = (side: Side): readonly string[] =>
    operandElements(context, parts, side).map((elements) => writer.shared(`${side}_tile`, type, elements));
  const tiles = { row: declare('row'), column: declare('column') };
  const { elements, isOver, side, n } = stagingOf(context, parts);
  const over = isOver ? present(tiles[side][n], 'tile of an operand') : undefined;
  return { tiles, staged: writer.shared('sum_tile', 'f32', elements, over) };
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
  const sums = names.map((name) => writer.array(name, 'f32', sumsOf(matrix.tile)));
  for (const pass of matrix.passes) addPass(emitter, frame, memory, pass, sums);
  finishTile(writer, frame, memory, sums, finish);
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

/** An operand of a pass, and its memory. */
interface Operand extends OperandTile {
  readonly value: ValueId;
  readonly side: Side;
  readonly array: string;
  readonly name: string;
}

function operandsOf(context: LowerContext, frame: Frame, memory: MatrixMemory, pass: Pass): readonly Operand[] {
  return (['row', 'column'] as const).flatMap((side) =>
    operandsOfPass(pass, side).map((value, n) => ({
      ...operandTile(context, pass, frame.matrix.tile, side, value),
      value,
      side,
      array: present(memory.tiles[side][n], 'tile of an operand'),
      name: shortName(context, value),
    })),
  );
}

function addPass(emitter: Emitter, frame: Frame, memory: MatrixMemory, pass: Pass, sums: readonly LocalArray[]): void {
  const { writer } = emitter;
  const operands = operandsOf(writer.context, frame, memory, pass);
  const steps = Math.ceil(elementsOf(pass.axes) / DEPTH);
  writer.comment(
    'Each step loads the operands of the next one, multiplies those of the one before, and keeps the loaded.',
  );
  writer.loop('step', steps + 1, (step) => {
    const fours = operands.map((operand) => writer.array(`next_${operand.name}`, 'vec4', foursOf(frame, operand)));
    const each = (write: (operand: Operand, four: LocalArray) => void): void =>
      operands.forEach((operand, i) => {
        write(operand, present(fours[i], 'loaded operand'));
      });
    const isLoaded = lt(step, u32(steps));
    writer.when(isLoaded, () =>
      each((operand, four) => {
        // A copy, because the bound holds here only.
        const start = mul(bounded({ ...step }, steps - 1), DEPTH);
        load(emitter, frame, pass.axes, operand, start, four);
      }),
    );
    writer.when(lt(u32(0), step), () => multiply(writer, frame, pass, operands, mod(add(step, u32(1)), TURNS), sums));
    writer.when(isLoaded, () => each((operand, four) => keep(writer, frame, operand, mod(step, TURNS), four)));
    writer.barrier();
  });
}

/** Fours of an operand's tile that an invocation brings. */
function foursOf({ matrix }: Frame, { lines }: Operand): number {
  return (lines * DEPTH) / 4 / lanesOf(matrix.tile);
}

/** The line of the n-th four of an invocation, and its place along the sum: of the first of the four. */
function placeOf(frame: Frame, { lines, along }: OperandTile, n: Expr): { readonly line: Expr; readonly step: Expr } {
  // Neighbouring invocations read neighbours in memory.
  const place = add(mul(n, lanesOf(frame.matrix.tile)), frame.lane);
  if (along === 'sum') return { line: div(place, DEPTH / 4), step: mul(mod(place, DEPTH / 4), 4) };
  return { line: mul(mod(place, lines / 4), 4), step: div(place, lines / 4) };
}

/** Loads this invocation's part of a tile from `start` of the sum, with zeros (on one side) beyond its end. */
function load(
  emitter: Emitter,
  frame: Frame,
  summed: readonly Axis[],
  operand: Operand,
  start: Expr,
  four: LocalArray,
): void {
  const { writer } = emitter;
  const { part } = frame.matrix;
  const { side, value, along } = operand;
  const axes = side === 'row' ? part.rows : part.columns;
  const [lines, count] = [elementsOf(axes), elementsOf(summed)];
  writer.loop('n', foursOf(frame, operand), (n) => {
    const { line, step } = placeOf(frame, operand, n);
    const wanted = add(start, step);
    const parts = range(4).map((c) => {
      const [ofLine, ofSum] = along === 'sum' ? [0, c] : [c, 0];
      const lineAt = add(add(frame.first[side], line), u32(ofLine));
      const sumAt = add(wanted, u32(ofSum));
      const at = new Map([
        ...frame.batch,
        ...indicesAt(along === 'sum' ? atMost(lineAt, lines - 1) : withinFour(lineAt, lines), axes),
        ...indicesAt(along === 'sum' ? withinFour(sumAt, count) : atMost(sumAt, count - 1), summed),
      ]);
      return { element: emitter.element(value, at), isInside: lt(sumAt, u32(count)) };
    });
    const isPadded = side === 'row' && count % DEPTH !== 0;
    const isWhole = along === 'lines' || count % 4 === 0;
    const elements = parts.map(({ element, isInside }) =>
      isPadded && !isWhole ? select(isInside, element, f32(0)) : element,
    );
    const whole = writer.four(elements);
    const zero: Expr = { kind: 'vector', type: 'vec4', parts: [f32(0)] };
    four.assign(n, isPadded && isWhole ? select(lt(wanted, u32(count)), whole, zero) : whole);
  });
}

/** Stores what was loaded into the memory of a turn. */
function keep(writer: KernelWriter, frame: Frame, operand: Operand, turn: Expr, four: LocalArray): void {
  writer.loop('n', foursOf(frame, operand), (n) => {
    const { line, step } = placeOf(frame, operand, n);
    writer.storeShared(operand.array, div(positionOf(operand, turn, line, step), 4), four.at(n));
  });
}

/** Where an element of an operand lies in its workgroup memory. */
function positionOf({ along, stride, elements }: OperandTile, turn: Expr, line: Expr, step: Expr): Expr {
  const [slow, fast] = along === 'sum' ? [line, step] : [step, line];
  return add(add(mul(turn, elements), mul(slow, stride)), fast);
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

/** Gives the elements of the tile to `finish`, through workgroup memory, so that neighbours in memory are stored together. */
function finishTile(
  writer: KernelWriter,
  frame: Frame,
  memory: MatrixMemory,
  sums: readonly LocalArray[],
  finish: FinishElement,
): void {
  const { tile, part } = frame.matrix;
  const fragments = fragmentsOf(tile);
  const [rows, stride] = [stagedRows(tile), stagedStride(tile)];
  const staged = LANE_SUMS * fragments.column * STAGED;
  const at = (sum: number, row: Expr, column: Expr): Expr =>
    add(u32(sum * rows * stride), add(mul(row, stride), column));
  const alongRows = storesAlongRows(writer.context, part);
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
      const [row, column] = alongRows
        ? [mod(place, rows), div(place, rows)]
        : [div(place, tile.columns), mod(place, tile.columns)];
      const team = mul(div(row, STAGED * FRAGMENT), fragments.row * FRAGMENT);
      const inTile = add(add(team, mul(stage, STAGED * FRAGMENT)), mod(row, STAGED * FRAGMENT));
      const elements = sums.map((_, k): Expr => {
        return { kind: 'load_shared', type: 'f32', array: memory.staged, index: at(k, row, column) };
      });
      finish(frame.batchAt, add(frame.first.row, inTile), add(frame.first.column, column), elements);
    };
    const all = rows * tile.columns;
    writer.loop('place', all, give, { from: frame.lane, step: u32(lanesOf(tile)), max: all - 1 });
    if (fragments.row > STAGED) writer.barrier();
  });
}
