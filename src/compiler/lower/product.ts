/**
 * Product regions: contractions by tiles, with pointwise epilogues.
 *
 * Each part of the region has tiles of its own, and a workgroup takes one tile of one part. It adds up the terms of all
 * accumulators of the part and gives them, element by element, to a helper function that computes and stores the roots.
 */
import type { ValueId } from '../ir/graph.ts';
import type { Expr, Kernel, KernelType } from '../ir/kernel.ts';
import { and, binary, bool, builtin, lt, u32 } from '../ir/kernel-expr.ts';
import type { ProductPart, ProductRegion } from '../ir/region.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import { present } from '../support/invariant.ts';
import { range } from '../support/range.ts';
import { widen } from '../widen/widen.ts';
import type { LowerContext } from './context.ts';
import { regionCost } from './cost.ts';
import { regionDoc } from './doc.ts';
import { type Emitter, makeEmitter } from './element.ts';
import { add, bounded, div, indicesAt, mod, mul } from './index-math.ts';
import { keepRolled } from './keep-rolled.ts';
import { chooseMatrixTiles, type MatrixPart, lanesOf as matrixLanes, residentOfAll } from './matrix-tile.ts';
import { shortName } from './names.ts';
import { type Frame, frameOf } from './product-frame.ts';
import { matrixMemory, writeMatrixTile } from './product-matrix.ts';
import { addInRegisters } from './product-registers.ts';
import { addInWorkgroup, type TileMemory, tileMemory } from './product-shared.ts';
import { beginSums, type Sum, type Sums } from './product-sums.ts';
import { chooseTiles, lanesOf, type TiledPart, tileColumns, tileRows } from './product-tile.ts';
import { stripOf } from './strip.ts';
import { type KernelWriter, makeWriter } from './writer.ts';

export function lowerProduct(context: LowerContext, region: ProductRegion): Kernel {
  const writer = makeWriter(context);
  const reads = new Set(region.reads);
  const matrices = chooseMatrixTiles(context, region);
  const plain = matrices ? undefined : chooseTiles(context, region);
  const { tiling } = present(matrices ?? plain, 'tiles of a product');
  const parts = matrices ? matrixParts(writer, reads, matrices.tiles) : plainParts(writer, reads, plain?.tiles ?? []);
  const lanes = Math.max(...parts.map((own) => own.lanes));
  const isSubgroup = stripOf(context.limits) > 0;
  const lane = bounded(builtin(isSubgroup ? 'subgroup_lane' : 'local'), lanes - 1);
  const [only] = parts;
  if (parts.length === 1 && only) only.write('finish', bounded(builtin('group'), only.tiles - 1), lane);
  else writeParts(writer, parts, lane);
  const kernel = writer.finish({
    name: region.name,
    doc: regionDoc(context, region, spreadText(context, parts)),
    workgroup: lanes,
    ...(matrices ? { resident: residentOfAll(context, matrices.tiles) } : {}),
    groups: parts.reduce((n, { tiles }) => n + tiles, 0),
    features: isSubgroup ? ['subgroups'] : [],
    tiling,
    ...regionCost(context, region),
  });
  if (matrices)
    return widen(kernel, new Set(kernel.shared.filter(({ type }) => type === 'f32').map(({ name }) => name)));
  return context.limits.deviceClass === 'cpu' ? keepRolled(kernel) : kernel;
}

/** A part with its tiles, however they are computed. */
interface PartToWrite {
  readonly part: ProductPart;
  /** Of a tile. */
  readonly rows: number;
  readonly columns: number;
  readonly lanes: number;
  /** Workgroups. */
  readonly tiles: number;
  /** What of a tile an invocation, or a subgroup, computes. */
  readonly share: string;
  /** Writes how the tile `place` is computed, and before it a function of that name that stores an element. */
  write(finish: string, place: Expr, lane: Expr): void;
}

function plainParts(
  writer: KernelWriter,
  reads: ReadonlySet<ValueId>,
  parts: readonly TiledPart[],
): readonly PartToWrite[] {
  const job = { writer, reads, memory: tileMemory(writer) };
  return parts.map((tiled) => {
    const { tile, part } = tiled;
    const [rows, columns] = [tileRows(tile), tileColumns(tile)];
    return {
      part,
      rows,
      columns,
      lanes: lanesOf(tile),
      tiles: tiled.tiles,
      share: `${tile.rows} by ${4 * tile.vectors} in an invocation`,
      write: (finish, place, lane) => writeTile(job, tiled, finish, place, lane),
    };
  });
}

function matrixParts(
  writer: KernelWriter,
  reads: ReadonlySet<ValueId>,
  parts: readonly MatrixPart[],
): readonly PartToWrite[] {
  const memory = matrixMemory(writer, parts);
  return longestFirst(parts).map((matrix) => {
    const { part, tile, type, tiles } = matrix;
    const { rows, columns, rowTeams, columnTeams } = tile;
    return {
      part,
      rows,
      columns,
      lanes: matrixLanes(tile),
      tiles,
      share: `${rows / rowTeams} by ${columns / columnTeams} in a subgroup, multiplied in ${type}`,
      write(_, place, lane) {
        const names = sumNames(writer.context, part);
        writeMatrixTile(
          makeEmitter(writer, { reads }),
          matrix,
          memory,
          place,
          lane,
          names,
          (batch, row, column, sums) => {
            const known = new Map(part.accumulators.map((id, i) => [id, () => present(sums[i], 'a sum')]));
            storeRoots(makeEmitter(writer, { reads, known }), part, batch, row, column);
          },
        );
      },
    };
  });
}

/** Workgroups begin in their order: what takes long and begins last, the others would have to wait for. */
function longestFirst(parts: readonly MatrixPart[]): readonly MatrixPart[] {
  const work = ({ passes, tile }: MatrixPart): number =>
    tile.rows * tile.columns * passes.reduce((n, { axes, terms }) => n + elementsOf(axes) * terms.length, 0);
  return [...parts].sort((a, b) => work(b) - work(a));
}

interface Job {
  readonly writer: KernelWriter;
  readonly reads: ReadonlySet<ValueId>;
  readonly memory: TileMemory;
}

/** A function for the tiles of each part, and the choice of the one for this workgroup. */
function writeParts(writer: KernelWriter, parts: readonly PartToWrite[], lane: Expr): void {
  const params = [
    { name: 'tile', type: 'u32' },
    { name: 'lane', type: 'u32' },
  ] as const;
  const functions = parts.map((own) => {
    const name = partName(writer.context, own.part);
    const doc = `One tile of ${name}: ${tileText(own)}.`;
    return writer.fn(`${name}_tile`, doc, params, ([tile, member]) => {
      const place = bounded(present(tile, 'tile'), own.tiles - 1);
      const number = bounded(present(member, 'lane'), own.lanes - 1);
      own.write(`finish_${name}`, place, number);
      return undefined;
    });
  });
  const choose = (i: number, before: number): void => {
    const [own, fn] = [parts[i], functions[i]];
    if (own === undefined || fn === undefined) return;
    const group = builtin('group');
    const call = (): void => writer.call(fn, [before === 0 ? group : binary('sub', group, u32(before)), lane]);
    const after = before + own.tiles;
    if (i === parts.length - 1) call();
    else writer.when(lt(group, u32(after)), call, () => choose(i + 1, after));
  };
  choose(0, 0);
}

function writeTile(job: Job, tiled: TiledPart, finishName: string, place: Expr, lane: Expr): void {
  const { writer } = job;
  const { part, tile } = tiled;
  const finish = writeFinish(writer, job.reads, part, { rows: tileRows(tile), columns: tileColumns(tile) }, finishName);
  const frame = frameOf(writer, tiled, place, lane);
  const emitter = makeEmitter(writer, { reads: job.reads });
  const sums = beginSums(writer, sumNames(writer.context, part), tile.rows, tile.vectors);
  for (const pass of tiled.passes) {
    if (writer.context.limits.deviceClass === 'cpu') addInRegisters(emitter, frame, pass, sums);
    else addInWorkgroup(emitter, frame, job.memory, pass, sums);
  }
  finishAll(writer, frame, part, sums, finish);
}

/** Calls `finish` for each element of the invocation's tile. */
function finishAll(writer: KernelWriter, frame: Frame, part: ProductPart, sums: Sums, finish: string): void {
  const { rows, vectors, columnLanes, inFours } = frame.tile;
  const width = 4 * vectors;
  const own = (i: Expr): Expr => (inFours ? add(mul(div(i, 4), 4 * columnLanes), mod(i, 4)) : mul(i, columnLanes));
  const tiles = sums.map((sum) => writer.array(`${sum.name}_tile`, 'f32', elementsOfSum(sum)));
  const call = (element: Expr): void => {
    const row = add(frame.row, div(element, width));
    const column = add(frame.column, own(mod(element, width)));
    const batch = part.batch.length > 0 ? [frame.batchAt] : [];
    writer.call(finish, [...batch, row, column, ...tiles.map((tile) => tile.at(element))]);
  };
  writer.loop('element', rows * width, call);
}

function elementsOfSum(sum: Sum): readonly Expr[] {
  return sum.rows.flat().flatMap(({ value }) => range(4).map((c) => component(value, c)));
}

function component(vector: Expr, index: number): Expr {
  return { kind: 'component', type: 'f32', vector, index: index === 0 ? 0 : index === 1 ? 1 : index === 2 ? 2 : 3 };
}

/** The helper function that takes an element of each accumulator, and computes and stores the roots there. */
function writeFinish(
  writer: KernelWriter,
  reads: ReadonlySet<ValueId>,
  part: ProductPart,
  tile: { readonly rows: number; readonly columns: number },
  name: string,
): string {
  const index = (wish: string): Param => ({ name: wish, type: 'u32' });
  const batch = part.batch.length > 0 ? [index(part.batch.map((axis) => axis.name).join('_'))] : [];
  const names = sumNames(writer.context, part);
  const params = [...batch, index('row'), index('column'), ...names.map((sum): Param => ({ name: sum, type: 'f32' }))];
  const [rows, columns] = [elementsOf(part.rows), elementsOf(part.columns)];
  const doc = `Stores one element${part.roots.length > 1 ? ' of each result' : ''}.`;
  return writer.fn(name, doc, params, (locals) => {
    const at = (i: number): Expr => present(locals[i], 'parameter');
    const [row, column] = [at(batch.length), at(batch.length + 1)];
    const known = new Map(part.accumulators.map((id, i) => [id, () => at(batch.length + 2 + i)]));
    const emitter = makeEmitter(writer, { reads, known });
    const store = (): void => storeRoots(emitter, part, at(0), row, column);
    const inRows = rows % tile.rows === 0 ? bool(true) : lt(row, u32(rows));
    const inColumns = columns % tile.columns === 0 ? bool(true) : lt(column, u32(columns));
    const inside = and(inRows, inColumns);
    if (inside.kind === 'literal') store();
    else writer.when(inside, store);
    return undefined;
  });
}

/** Computes and stores the roots of a part; `batch` counts where it has batch axes. */
function storeRoots(emitter: Emitter, part: ProductPart, batch: Expr, row: Expr, column: Expr): void {
  const outer = part.batch.length > 0 ? indicesAt(batch, part.batch) : [];
  const env = new Map([...outer, ...indicesAt(row, part.rows), ...indicesAt(column, part.columns)]);
  for (const root of part.roots) emitter.store(root, env);
}

interface Param {
  readonly name: string;
  readonly type: KernelType;
}

/** What to call the accumulators: `sum`, or what they make where there are several. */
function sumNames(context: LowerContext, part: ProductPart): readonly string[] {
  if (part.accumulators.length === 1) return ['sum'];
  return part.accumulators.map((id) => shortName(context, id));
}

function partName(context: LowerContext, part: ProductPart): string {
  const id = present(part.roots[0] ?? part.accumulators[0], 'root of a part');
  return shortName(context, id);
}

function tileText({ part, rows, columns }: PartToWrite): string {
  const over = (axes: ProductPart['rows']): string => axes.map((axis) => axis.name).join(' x ');
  return `${rows} of ${over(part.rows)} by ${columns} of ${over(part.columns)}`;
}

function spreadText(context: LowerContext, parts: readonly PartToWrite[]): string {
  const texts = parts.map((own) =>
    parts.length === 1 ? tileText(own) : `${partName(context, own.part)}, ${tileText(own)}`,
  );
  const [first] = parts;
  return `One tile per workgroup: ${texts.join('; ')}${parts.length === 1 && first ? `; ${first.share}` : ''}.`;
}
