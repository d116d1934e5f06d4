/** A tile of a product that a workgroup computes together, from workgroup memory: for GPUs. */
import type { Axis, ValueId } from '../ir/graph.ts';
import type { Expr } from '../ir/kernel.ts';
import { f32, lt, select, u32 } from '../ir/kernel-expr.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import { range } from '../support/range.ts';
import type { Emitter } from './element.ts';
import { add, atMost, div, indicesAt, mod, mul } from './index-math.ts';
import type { Frame } from './product-frame.ts';
import { addProducts, BLOCK, inBlocks, type Sums } from './product-sums.ts';
import { operandsOfPass, type Pass } from './product-terms.ts';
import { DEPTH, lanesOf, tileColumns, tileRows } from './product-tile.ts';
import type { KernelWriter } from './writer.ts';

type Side = 'row' | 'column';

/** Workgroup memory for the n-th operand on a side; parts use the same. */
export type TileMemory = (side: Side, n: number, elements: number) => string;

export function tileMemory(writer: KernelWriter): TileMemory {
  const arrays = new Map<string, string>();
  return (side, n, elements) => {
    const key = `${side}${n}`;
    const name = arrays.get(key) ?? writer.shared(`${side}_tile`, 'f32', elements);
    arrays.set(key, name);
    return name;
  };
}

/** Adds the products of a pass to the accumulators, {@link DEPTH} steps of the sum at a time. */
export function addInWorkgroup(emitter: Emitter, frame: Frame, memory: TileMemory, pass: Pass, sums: Sums): void {
  const { writer } = emitter;
  const axis = { name: pass.axes.map(({ name }) => name).join('_'), size: elementsOf(pass.axes) };
  const sizes = { row: tileRows(frame.tile), column: tileColumns(frame.tile) };
  const arrays = (side: Side): ReadonlyMap<ValueId, string> =>
    new Map(operandsOfPass(pass, side).map((value, n) => [value, memory(side, n, DEPTH * sizes[side])]));
  const tiles = { row: arrays('row'), column: arrays('column') };
  inBlocks(
    writer,
    axis,
    BLOCK,
    sums,
    (start, into) => {
      for (const side of ['row', 'column'] as const) {
        for (const [value, array] of tiles[side]) bring(emitter, frame, pass.axes, side, value, array, start);
      }
      writer.barrier();
      writer.loop('step', DEPTH, (step) => multiply(writer, frame, pass, tiles, sizes, step, into));
      writer.barrier();
    },
    DEPTH,
  );
}

/** Copies a tile of an operand to workgroup memory, with zeros (on one side) beyond the end of the sum. */
function bring(
  emitter: Emitter,
  frame: Frame,
  summed: readonly Axis[],
  side: Side,
  value: ValueId,
  array: string,
  start: Expr,
): void {
  const { writer } = emitter;
  const size = side === 'row' ? tileRows(frame.tile) : tileColumns(frame.tile);
  const first = side === 'row' ? frame.firstRow : frame.firstColumn;
  const axes = side === 'row' ? frame.rows : frame.columns;
  const count = elementsOf(summed);
  const fastest = writer.context.layoutOf(value).at(-1);
  const alongSum = summed.some((axis) => axis.id === fastest?.id);
  writer.loop(
    'place',
    DEPTH * size,
    (place) => {
      // Neighbouring invocations read neighbours in memory.
      const [step, line] = alongSum ? [mod(place, DEPTH), div(place, DEPTH)] : [div(place, size), mod(place, size)];
      const wanted = add(start, step);
      const at = new Map([
        ...frame.batch,
        ...indicesAt(atMost(add(first, line), elementsOf(axes) - 1), axes),
        ...indicesAt(atMost(wanted, count - 1), summed),
      ]);
      const element = emitter.element(value, at);
      const isPadded = side === 'row' && count % DEPTH !== 0;
      const kept = isPadded ? select(lt(wanted, u32(count)), element, f32(0)) : element;
      writer.storeShared(array, add(mul(step, size), line), kept);
    },
    { from: frame.lane, step: u32(lanesOf(frame.tile)), max: DEPTH * size - 1 },
  );
}

function multiply(
  writer: KernelWriter,
  frame: Frame,
  pass: Pass,
  tiles: { readonly [S in Side]: ReadonlyMap<ValueId, string> },
  sizes: { readonly [S in Side]: number },
  step: Expr,
  into: Sums,
): void {
  const { columnLanes, rows, vectors } = frame.tile;
  const own = {
    row: (i: number): Expr => add(mul(div(frame.lane, columnLanes), rows), u32(i)),
    column: (i: number): Expr => add(mod(frame.lane, columnLanes), u32(i * columnLanes)),
  };
  const read = (side: Side, array: string, i: number): Expr => {
    return { kind: 'load_shared', type: 'f32', array, index: add(mul(step, sizes[side]), own[side](i)) };
  };
  const columns = new Map(
    [...tiles.column].map(([value, array]) => {
      const four = (j: number): readonly Expr[] => range(4).map((c) => read('column', array, 4 * j + c));
      const vector = (j: number): Expr =>
        writer.let(`${frame.nameOf(value)}_${j}`, { kind: 'vector', type: 'vec4', parts: four(j) });
      return [value, range(vectors).map(vector)] as const;
    }),
  );
  for (const i of range(rows)) {
    const scalars = new Map(
      [...tiles.row].map(([value, array]) => [value, writer.let(`${frame.nameOf(value)}_${i}`, read('row', array, i))]),
    );
    for (const term of pass.terms)
      addProducts(writer, [[scalars.get(term.row), columns.get(term.column)]], into[term.sum]?.rows[i]);
  }
}
