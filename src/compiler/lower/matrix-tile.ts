/**
 * How large the tiles of a product on matrix units are.
 *
 * A workgroup brings its operands to narrow workgroup memory, and each of its subgroups multiplies a rectangle of
 * fragments. What a tile brings grows with its sides and what it multiplies with its area, so large tiles are cheapest as
 * long as there are enough of them for all multiprocessors.
 */

import { FRAGMENT, FRAGMENT_LANES, LANE_SUMS } from '../ir/fragment.ts';
import type { Axis, ValueId } from '../ir/graph.ts';
import type { NarrowType, StorageType } from '../ir/kernel.ts';
import { BYTES_PER_CYCLE, DEPTH, PRODUCTS_PER_CYCLE, SHARED_BYTES_PER_CYCLE } from '../ir/multiprocessor.ts';
import type { ProductPart, ProductRegion } from '../ir/region.ts';
import { CELL, ELEMENT_BYTES, elementBytes, heldAs } from '../ir/storage-type.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import { present } from '../support/invariant.ts';
import { type Candidate, type ChosenTiles, chooseFrom } from './choose-tiles.ts';
import type { LowerContext } from './context.ts';
import { productKey } from './product-key.ts';
import { operandsOfPass, type Pass, passesOf } from './product-terms.ts';

export interface MatrixTile {
  /** Of a workgroup. */
  readonly rows: number;
  readonly columns: number;
  /** Its subgroups along the rows and the columns. */
  readonly rowTeams: number;
  readonly columnTeams: number;
}

/** A part with the tile that it gets. */
export interface MatrixPart {
  readonly part: ProductPart;
  readonly passes: readonly Pass[];
  readonly tile: MatrixTile;
  readonly type: NarrowType;
  readonly rowTiles: number;
  readonly columnTiles: number;
  /** Workgroups. */
  readonly tiles: number;
}

export type Side = 'row' | 'column';

const SIDES = ['row', 'column'] as const;

/** Tiles of an operand in workgroup memory: one is multiplied while the next ones are brought. */
const [FEWEST_TURNS, MOST_TURNS] = [2, 4];
/** Elements behind each line, so that lines begin in unlike banks of memory: 16 bytes, as much as a fragment loads at once. */
const PADDING = 8;

export const MENU: readonly MatrixTile[] = [
  { rows: 256, columns: 128, rowTeams: 4, columnTeams: 2 },
  { rows: 128, columns: 256, rowTeams: 2, columnTeams: 4 },
  { rows: 128, columns: 128, rowTeams: 2, columnTeams: 2 },
  // More subgroups have registers for what is loaded, and for several sums.
  { rows: 128, columns: 128, rowTeams: 2, columnTeams: 4 },
  { rows: 128, columns: 64, rowTeams: 2, columnTeams: 2 },
  { rows: 128, columns: 64, rowTeams: 2, columnTeams: 4 },
  { rows: 64, columns: 128, rowTeams: 2, columnTeams: 2 },
  { rows: 64, columns: 64, rowTeams: 2, columnTeams: 2 },
  { rows: 32, columns: 64, rowTeams: 1, columnTeams: 4 },
  { rows: 64, columns: 32, rowTeams: 4, columnTeams: 1 },
  { rows: 32, columns: 32, rowTeams: 2, columnTeams: 2 },
  { rows: 16, columns: 64, rowTeams: 1, columnTeams: 4 },
  { rows: 64, columns: 16, rowTeams: 4, columnTeams: 1 },
];

/** Sums shorter than this are not worth a fragment. */
const SHORTEST = 8;
/**
 * Floats of local arrays that an invocation may have (sums, and what is on its way to workgroup memory), and invocations that a
 * multiprocessor can have then: with 128 registers for each, or with 255.
 */
const ROOMS = [
  { floats: 104, invocations: 512 },
  { floats: 160, invocations: 256 },
] as const;

export function lanesOf({ rowTeams, columnTeams }: MatrixTile): number {
  return FRAGMENT_LANES * rowTeams * columnTeams;
}

/** Workgroups of a multiprocessor, 0 if it has no registers for one: while one waits for memory or at a barrier, another multiplies. */
export function residentOf(context: LowerContext, own: MatrixPart): number {
  const floats = floatsOf(context, own);
  const room = ROOMS.find((each) => floats <= each.floats);
  return Math.floor((room?.invocations ?? 0) / lanesOf(own.tile));
}

/** The same for parts that share a launch. */
export function residentOfAll(context: LowerContext, parts: readonly MatrixPart[]): number {
  return Math.min(...parts.map((own) => residentOf(context, own)));
}

/** Fragments of a subgroup along the rows and the columns. */
export function fragmentsOf({ rows, columns, rowTeams, columnTeams }: MatrixTile): Readonly<Record<Side, number>> {
  return { row: rows / FRAGMENT / rowTeams, column: columns / FRAGMENT / columnTeams };
}

/** Sums of an invocation for each accumulator. */
export function sumsOf(tile: MatrixTile): number {
  const { row, column } = fragmentsOf(tile);
  return LANE_SUMS * row * column;
}

/** How a tile of an operand lies in workgroup memory: as in memory, so that fours are brought as they are. */
export interface OperandTile {
  readonly lines: number;
  readonly along: 'sum' | 'lines';
  readonly stride: number;
  /** Of one turn. */
  readonly elements: number;
  /** Elements that are copied at once as they lie in memory; 0 where they come through registers. */
  readonly piece: number;
}

export function operandTile(
  context: LowerContext,
  { part, tile, type }: Pick<MatrixPart, 'part' | 'tile' | 'type'>,
  pass: Pass,
  side: Side,
  value: ValueId,
): OperandTile {
  const [lines, ofLines] = side === 'row' ? [tile.rows, part.rows] : [tile.columns, part.columns];
  const fastest = present(context.layoutOf(value).at(-1), 'fastest axis of an operand');
  const alongSum = pass.axes.some((axis) => axis.id === fastest.id);
  const stride = (alongSum ? DEPTH : lines) + PADDING;
  return {
    lines,
    along: alongSum ? 'sum' : 'lines',
    stride,
    elements: stride * (alongSum ? lines : DEPTH),
    piece: copiedPiece(context, value, alongSum ? pass.axes : ofLines, type),
  };
}

/** Neighbours along `axes` of a value that are copied at once, as it lies in memory in the type that is wanted; 0 where it does not. */
export function copiedPiece(context: LowerContext, id: ValueId, axes: readonly Axis[], type: StorageType): number {
  const { value, limits } = context;
  const fastest = context.layoutOf(id).at(-1);
  if (heldAs(CELL[value(id).type.storage], limits) !== type || !fastest || axes.at(-1)?.id !== fastest.id) return 0;
  const isWhole = (bytes: number): boolean => fastest.size % (bytes / ELEMENT_BYTES[type]) === 0;
  const bytes = [16, 8, 4].find((n) => n <= limits.copyBytes && isWhole(n));
  return (bytes ?? 0) / ELEMENT_BYTES[type];
}

/** The tiles of all operands on one side, with their number in their pass. */
function tilesOn(
  context: LowerContext,
  parts: readonly MatrixPart[],
  side: Side,
): readonly (readonly [number, OperandTile])[] {
  return parts.flatMap((own) =>
    own.passes.flatMap((pass) =>
      operandsOfPass(pass, side).map((value, n) => [n, operandTile(context, own, pass, side, value)] as const),
    ),
  );
}

/** Elements of workgroup memory in a turn for the n-th operand on a side, as the pass needs it that needs most. */
export function operandElements(context: LowerContext, parts: readonly MatrixPart[], side: Side): readonly number[] {
  const most: number[] = [];
  for (const [n, { elements }] of tilesOn(context, parts, side)) most[n] = Math.max(most[n] ?? 0, elements);
  return most;
}

/** Turns for which a multiprocessor has workgroup memory, for as many workgroups as it has registers. More pay for copies alone. */
export function turnsOf(context: LowerContext, parts: readonly MatrixPart[]): number {
  const isCopying = SIDES.some((side) => tilesOn(context, parts, side).some(([, { piece }]) => piece > 0));
  let turns = FEWEST_TURNS;
  while (isCopying && turns < MOST_TURNS && fits(context, parts, turns + 1, residentOfAll(context, parts))) turns++;
  return turns;
}

/** `128x64 of 4x2`: rows and columns of a workgroup's tile, and subgroups that share it. */
export function tileName({ rows, columns, rowTeams, columnTeams }: MatrixTile): string {
  return `${rows}x${columns} of ${rowTeams}x${columnTeams}`;
}

/**
 * A tile for each part; all have workgroups of one size. Undefined where the product is not to be computed in a narrow
 * type, or does not fit.
 */
export function chooseMatrixTiles(context: LowerContext, region: ProductRegion): ChosenTiles<MatrixPart> | undefined {
  const { precision, limits, tiles } = context;
  if (precision === 'f32' || limits.matrixUnits === 0) return undefined;
  const { parts } = region;
  const candidates = parts.map((part) => candidatesFor(context, precision, part, parts.length));
  return chooseFrom(tiles, productKey(context, region), candidates, (all) => fits(context, all));
}

/** The tiles that a part can have, one of `parts` in a launch. */
function candidatesFor(
  context: LowerContext,
  type: NarrowType,
  part: ProductPart,
  parts: number,
): readonly Candidate<MatrixPart>[] {
  const passes = passesOf(context, part);
  if (passes.some((pass) => elementsOf(pass.axes) < SHORTEST)) return [];
  return MENU.filter((tile) => lanesOf(tile) <= context.limits.invocationsPerGroup)
    .map((tile): MatrixPart => {
      const rowTiles = Math.ceil(elementsOf(part.rows) / tile.rows);
      const columnTiles = Math.ceil(elementsOf(part.columns) / tile.columns);
      const tiles = rowTiles * columnTiles * elementsOf(part.batch);
      return { part, passes, tile, type, rowTiles, columnTiles, tiles };
    })
    .filter((own) => residentOf(context, own) > 0 && fits(context, [own]))
    .map((own) => ({
      tiled: own,
      name: tileName(own.tile),
      lanes: lanesOf(own.tile),
      cost: costOf(context, own, parts),
    }));
}

function floatsOf(context: LowerContext, own: MatrixPart): number {
  const { part, passes, tile } = own;
  const loaded = passes.map((pass) =>
    SIDES.flatMap((side) => operandsOfPass(pass, side).map((value) => operandTile(context, own, pass, side, value)))
      .filter(({ piece }) => piece === 0)
      .reduce((sum, { lines }) => sum + (DEPTH * lines) / lanesOf(tile), 0),
  );
  return part.accumulators.length * sumsOf(tile) + Math.max(...loaded);
}

/** Whether there is workgroup memory for `turns`, `times` over: for two workgroups where registers are enough for them. */
function fits(
  context: LowerContext,
  parts: readonly MatrixPart[],
  turns = FEWEST_TURNS,
  times = Math.min(2, residentOfAll(context, parts)),
): boolean {
  const operands = SIDES.flatMap((side) => operandElements(context, parts, side)).reduce((sum, n) => sum + n, 0);
  const own = stagingOf(context, parts, turns);
  return times * (2 * turns * operands + (own.isOver ? 0 : 4 * own.elements)) <= context.limits.sharedBytes;
}

/** Workgroup memory through which sums go to those who store them. */
export interface Staging {
  readonly elements: number;
  /** Whether it lies over the operand that has the most memory, and which that is. */
  readonly isOver: boolean;
  readonly side: Side;
  readonly n: number;
}

/** Fragments along the rows of a subgroup whose sums are staged at once. */
export const STAGED = 1;

/** Floats from one staged row to the next; neighbours that are stored together lie in unlike banks. */
export function stagedStride({ columns }: MatrixTile): number {
  return columns + 4;
}

export function stagedRows({ rowTeams }: MatrixTile): number {
  return STAGED * FRAGMENT * rowTeams;
}

export function stagingOf(context: LowerContext, parts: readonly MatrixPart[], turns: number): Staging {
  const elements = Math.max(
    ...parts.map(({ part, tile }) => part.accumulators.length * stagedRows(tile) * stagedStride(tile)),
  );
  const places = SIDES.flatMap((side) =>
    operandElements(context, parts, side).map((size, n) => ({ side, n, size: turns * size })),
  );
  const largest = places.reduce((a, b) => (a.size >= b.size ? a : b));
  return { elements, isOver: 4 * elements <= 2 * largest.size, side: largest.side, n: largest.n };
}

/** Cycles until the first operands are there. */
const LATENCY = 1500;

/** What of the time that is hidden behind other work costs all the same, as one now and then waits for the other. */
const EXPOSED = 1 / 8;

/**
 * Cycles until the busiest multiprocessor has done its tiles, if each of `parts` has as many. The memory that all share, workgroup
 * memory and units work at the same time; a tile begins and ends while those of other workgroups are multiplied.
 */
function costOf(context: LowerContext, own: MatrixPart, parts: number): number {
  const { part, passes, tile, tiles } = own;
  const { limits } = context;
  const area = tile.rows * tile.columns;
  const bytesOf = (id: ValueId): number => elementBytes(context.value(id).type.storage, limits);
  const cycles = passes.reduce((sum, pass) => {
    const [ofRows, ofColumns] = [operandsOfPass(pass, 'row'), operandsOfPass(pass, 'column')];
    const ofLine = (operands: readonly ValueId[]): number => operands.reduce((bytes, id) => bytes + bytesOf(id), 0);
    const brought = (DEPTH * (ofLine(ofRows) * tile.rows + ofLine(ofColumns) * tile.columns)) / BYTES_PER_CYCLE;
    // Lines are stored once, and loaded by all subgroups that multiply them.
    const lines =
      ofRows.length * tile.rows * (1 + tile.columnTeams) + ofColumns.length * tile.columns * (1 + tile.rowTeams);
    const passed = (2 * DEPTH * lines) / SHARED_BYTES_PER_CYCLE;
    const multiplied = (DEPTH * area * pass.terms.length) / PRODUCTS_PER_CYCLE.narrow;
    const atOnce = Math.max(brought, passed, multiplied) + EXPOSED * (brought + passed + multiplied);
    return sum + Math.ceil(elementsOf(pass.axes) / DEPTH) * atOnce;
  }, 0);
  const stored = (4 * area * Math.max(1, part.roots.length)) / BYTES_PER_CYCLE;
  const ends = (LATENCY + stored) / residentOf(context, own);
  return (cycles + ends) * Math.ceil((tiles * parts) / limits.matrixUnits);
}
