/**
 * How large the tiles of a product are.
 *
 * An invocation computes `rows` times 4 * `vectors` elements in registers: the loads of one step of the sum grow with the
 * sides of that rectangle and the arithmetic with its area. On a CPU adapter loads are dear and barriers dearer, so
 * invocations share at most what a subgroup can pass round, and stand side by side along the columns. On a GPU a
 * workgroup first brings its operands to workgroup memory.
 */
import type { Axis, ValueId } from '../ir/graph.ts';
import type { TargetLimits } from '../ir/kernel.ts';
import type { ProductPart, ProductRegion } from '../ir/region.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import { present } from '../support/invariant.ts';
import { type Candidate, type ChosenTiles, chooseFrom } from './choose-tiles.ts';
import type { LowerContext } from './context.ts';
import { productKey } from './product-key.ts';
import { BLOCK } from './product-sums.ts';
import { loopsOf, operandsOfPass, type Pass, passesOf } from './product-terms.ts';
import { stripOf } from './strip.ts';

export interface Tile {
  /** Of one invocation: rows, and groups of four columns. */
  readonly rows: number;
  readonly vectors: number;
  /** Invocations of a workgroup along the rows and the columns of its tile. */
  readonly rowLanes: number;
  readonly columnLanes: number;
  /** Whether the four columns of a group lie side by side, to be loaded at once; else neighbours go to neighbouring lanes. */
  readonly inFours: boolean;
}

/** A part with the tile that it gets; rows and columns may have changed places. */
export interface TiledPart {
  readonly part: ProductPart;
  readonly passes: readonly Pass[];
  readonly tile: Tile;
  readonly rowTiles: number;
  readonly columnTiles: number;
  /** Workgroups. */
  readonly tiles: number;
}

/** Steps of the sum for which a workgroup brings operands to workgroup memory at once. */
export const DEPTH = 16;

const GPU_TILES: readonly Tile[] = [
  { rows: 4, vectors: 1, rowLanes: 16, columnLanes: 16, inFours: false },
  { rows: 4, vectors: 1, rowLanes: 8, columnLanes: 8, inFours: false },
  { rows: 1, vectors: 1, rowLanes: 4, columnLanes: 8, inFours: false },
];

function menuOf(limits: TargetLimits): readonly Tile[] {
  if (limits.deviceClass === 'gpu') return GPU_TILES;
  const columnLanes = stripOf(limits) || 8;
  const sizes = [...(limits.unrolls ? [32] : []), 16, 8, 4, 2, 1].flatMap((rows) =>
    [2, 1].map((vectors) => ({ rows, vectors })),
  );
  return sizes.map((size) => ({ ...size, rowLanes: 1, columnLanes, inFours: true }));
}

/** Whether lanes pass elements of a row round, in a pass whose innermost loop is over `axes`. */
export function isShared(limits: TargetLimits, pass: Pass, axes: readonly Axis[]): boolean {
  const strip = stripOf(limits);
  return strip > 0 && pass.axes.length > 0 && elementsOf(axes) >= strip;
}

/**
 * How many places of a sum lanes multiply at each turn of the innermost loop, over `size` places. A sum that a loop goes on with is read at each turn,
 * merged with what it is in lanes that have left the loop, and written: better once for two products.
 */
export function placesAtOnce(limits: TargetLimits, { terms }: Pass, size: number): number {
  const isAlone = new Set(terms.map(({ sum }) => sum)).size === terms.length;
  return limits.unrolls && isAlone && size % 2 === 0 && stripOf(limits) % 2 === 0 ? 2 : 1;
}

/** Rows whose elements a lane loads one by one. Those of more are loaded in a loop, which takes a little longer and compiles twice as fast. */
export const ONE_BY_ONE = 16;

/**
 * Registers (of four floats) that the accumulators of an invocation may take. A CPU has too few for them in any case, and
 * keeps them in its nearest cache; as long as loops over them are unrolled, that is.
 */
const ACCUMULATORS = { cpu: 32, gpu: 16 } as const;
const UNROLLED_ACCUMULATORS = 64;

function accumulatorsOf({ deviceClass, unrolls }: TargetLimits): number {
  return unrolls ? UNROLLED_ACCUMULATORS : ACCUMULATORS[deviceClass];
}

/** Lines that the products of a kernel may take, since it is to be read, and how many fewer for what else a part needs. */
const LINES = 72;
const LINES_OF_PART = 12;

/**
 * One for each element of a row and for each product, and one more for an accumulator when a long sum is cut in blocks. Where the driver
 * unrolls loops, one over the rows has those of elements that lanes share once.
 */
function linesOf(context: LowerContext, sums: number, passes: readonly Pass[], tile: Tile): number {
  const isLong = passes.some((pass) => elementsOf(pass.axes) > BLOCK);
  const products = passes.reduce((n, pass) => n + linesOfPass(context, pass, tile), 0);
  const blocks = context.limits.unrolls ? 5 + sums : tile.rows * tile.vectors * sums;
  return products + (isLong ? blocks : 0);
}

function linesOfPass(context: LowerContext, pass: Pass, { rows, vectors }: Tile): number {
  const innermost = loopsOf(context, pass).at(-1) ?? [];
  const [ofRow, products] = [operandsOfPass(pass, 'row').length, pass.terms.length * vectors];
  if (!context.limits.unrolls || !isShared(context.limits, pass, innermost)) return rows * (ofRow + products);
  const ofColumn = vectors * operandsOfPass(pass, 'column').length;
  const places = placesAtOnce(context.limits, pass, elementsOf(innermost));
  return (rows > ONE_BY_ONE ? 8 : 1) * ofRow + places * (ofRow + ofColumn) + 2 + products;
}

/** What a load costs, in multiplications of four floats; on a CPU also four at once, and an element that another lane passes. */
const LOAD = { cpu: 4, gpu: 1 } as const;
const LOAD_OF_FOUR = 6;
const SHUFFLE = 1;
/** Workgroups with which a device is busy. */
const BUSY = { cpu: 8, gpu: 64 } as const;

export function lanesOf({ rowLanes, columnLanes }: Tile): number {
  return rowLanes * columnLanes;
}

export function tileRows({ rows, rowLanes }: Tile): number {
  return rows * rowLanes;
}

export function tileColumns({ vectors, columnLanes }: Tile): number {
  return 4 * vectors * columnLanes;
}

/** How far an invocation's i-th column is from its first, and how far its first is from that of the lane before. */
export function columnOffset(tile: Tile, i: number): { readonly own: number; readonly ofLane: number } {
  const { columnLanes, inFours } = tile;
  if (!inFours) return { own: i * columnLanes, ofLane: 1 };
  return { own: Math.floor(i / 4) * 4 * columnLanes + (i % 4), ofLane: 4 };
}

/** `8x16 of 1x8`: rows and columns of an invocation, and of invocations in a workgroup. */
export function tileName({ rows, vectors, rowLanes, columnLanes }: Tile): string {
  return `${rows}x${4 * vectors} of ${rowLanes}x${columnLanes}`;
}

/** A tile for each part, in one of its two orientations; all have workgroups of one size. */
export function chooseTiles(context: LowerContext, region: ProductRegion): ChosenTiles<TiledPart> {
  const candidates = region.parts.map((part) => candidatesFor(context, part, region.parts.length));
  const chosen = chooseFrom(context.tiles, productKey(context, region), candidates, () => true);
  return present(chosen, 'tile of a product');
}

function candidatesFor(context: LowerContext, part: ProductPart, parts: number): readonly Candidate<TiledPart>[] {
  const turned: ProductPart = { ...part, rows: part.columns, columns: part.rows };
  const isModest = (sums: number, tile: Tile, passes: readonly Pass[]): boolean =>
    tile.rows * tile.vectors * sums <= accumulatorsOf(context.limits) &&
    linesOf(context, sums, passes, tile) <= (LINES - LINES_OF_PART * (parts - 1)) / parts;
  return [part, turned].flatMap((oriented) => {
    const passes = passesOf(context, oriented);
    return menuOf(context.limits)
      .filter((tile) => fits(context.limits, passes, tile))
      .filter((tile) => tile.rows * tile.vectors === 1 || isModest(part.accumulators.length, tile, passes))
      .map((tile) => ({
        tiled: tiledPart(oriented, passes, tile),
        name: `${tileName(tile)}${oriented === turned ? ', turned' : ''}`,
        lanes: lanesOf(tile),
        cost: costOf(context, oriented, passes, tile),
      }));
  });
}

function fits(limits: TargetLimits, passes: readonly Pass[], tile: Tile): boolean {
  const inMemory = limits.deviceClass === 'cpu' || sharedBytes(passes, tile) <= limits.sharedBytes;
  return inMemory && lanesOf(tile) <= limits.invocationsPerGroup;
}

/** Bytes of workgroup memory for the pass that needs most. */
export function sharedBytes(passes: readonly Pass[], tile: Tile): number {
  return Math.max(
    ...passes.map((pass) => {
      const rows = operandsOfPass(pass, 'row').length * tileRows(tile);
      const columns = operandsOfPass(pass, 'column').length * tileColumns(tile);
      return 4 * DEPTH * (rows + columns);
    }),
  );
}

function tiledPart(part: ProductPart, passes: readonly Pass[], tile: Tile): TiledPart {
  const rowTiles = Math.ceil(elementsOf(part.rows) / tileRows(tile));
  const columnTiles = Math.ceil(elementsOf(part.columns) / tileColumns(tile));
  return { part, passes, tile, rowTiles, columnTiles, tiles: rowTiles * columnTiles * elementsOf(part.batch) };
}

/** Work of one step of the sum over all tiles, more if there are too few of them or stores are scattered. */
function costOf(context: LowerContext, part: ProductPart, passes: readonly Pass[], tile: Tile): number {
  const { deviceClass } = context.limits;
  const { tiles } = tiledPart(part, passes, tile);
  const invocations = tile.rowLanes * tile.columnLanes;
  const load = LOAD[deviceClass];
  const step = passes.reduce((sum, pass) => {
    const shared = isShared(context.limits, pass, loopsOf(context, pass).at(-1) ?? []);
    const ofRow = shared ? load / stripOf(context.limits) + SHUFFLE : load;
    const rows = operandsOfPass(pass, 'row').length * tile.rows * ofRow;
    const columns = operandsOfPass(pass, 'column').reduce(
      (all, value) =>
        all + tile.vectors * (tile.inFours && areInFours(context, part.columns, value) ? LOAD_OF_FOUR : 4 * load),
      0,
    );
    return sum + elementsOf(pass.axes) * (rows + columns + pass.terms.length * tile.rows * 4 * tile.vectors);
  }, 0);
  const idle = Math.max(1, BUSY[deviceClass] / tiles);
  return tiles * invocations * step * idle * (storesAlongRows(context, part) ? 1.05 : 1);
}

/** Whether elements of an operand for four neighbours along `axes`, its rows or its columns, lie side by side, to be loaded at once. */
export function areInFours(context: LowerContext, axes: readonly Axis[], value: ValueId): boolean {
  const fastest = context.layoutOf(value).at(-1);
  return axes.some((axis) => axis.id === fastest?.id && axis.size % 4 === 0);
}

/** Whether neighbouring columns are not neighbours in memory. */
export function storesAlongRows(context: LowerContext, part: ProductPart): boolean {
  const fastest = context.writtenAxes(present(part.roots[0] ?? part.accumulators[0], 'root of a part')).at(-1);
  return !part.columns.some((axis) => axis.id === fastest?.id);
}
