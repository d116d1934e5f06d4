/**
 * A tile of a product that each invocation computes from registers: for CPU adapters.
 *
 * Loads are dear there, and an element of a row is the same for all invocations of a workgroup. Where a workgroup is one
 * subgroup, each lane loads one element of the row for the next places of the sum, and passes it round.
 */
import type { ValueId } from '../ir/graph.ts';
import type { Expr } from '../ir/kernel.ts';
import { component, min, sub, u32 } from '../ir/kernel-expr.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import { present } from '../support/invariant.ts';
import { range } from '../support/range.ts';
import { type EachRow, eachRowOf, writtenOut } from './each-row.ts';
import type { Emitter } from './element.ts';
import { add, atMost, bounded, indicesAt, mul } from './index-math.ts';
import type { Frame } from './product-frame.ts';
import { addProducts, type Sums, sumOver } from './product-sums.ts';
import { loopsOf, operandsOfPass, type Pass } from './product-terms.ts';
import { areInFours, isShared, ONE_BY_ONE, placesAtOnce } from './product-tile.ts';
import { stripOf } from './strip.ts';
import type { Env, KernelWriter, LocalArray } from './writer.ts';

const FOUR = [0, 1, 2, 3] as const;

/** The element of an operand in a row, and in a column. */
type RowElement = (value: ValueId, row: Expr) => Expr;
type ColumnElement = (value: ValueId, column: number) => Expr;

/** Adds the products of a pass to the accumulators. Rows and columns beyond the last are the last again. */
export function addInRegisters(emitter: Emitter, frame: Frame, pass: Pass, sums: Sums): void {
  const { context } = emitter.writer;
  const loops = loopsOf(context, pass);
  if (isShared(context.limits, pass, loops.at(-1) ?? [])) addShared(emitter, frame, pass, loops, sums);
  else addAlone(emitter, frame, pass, loops, sums);
}

type Loops = ReturnType<typeof loopsOf>;

function addAlone(emitter: Emitter, frame: Frame, pass: Pass, loops: Loops, sums: Sums): void {
  const { writer } = emitter;
  const rows = writtenOut(writer, frame.tile.rows);
  const axes = loops.at(-1) ?? [];
  sumOver(writer, loops, sums, (outer, index, into) => {
    const at = new Map([...outer, ...indicesAt(index, axes)]);
    const element = rowElements(emitter, frame, at);
    const row: RowElement = (value, n) => writer.let(rows.name(frame.nameOf(value), n), element(value, n));
    multiply(writer, frame, pass, rows, [{ row, column: columnElements(emitter, frame, at) }], into);
  });
}

/** Lanes load elements of rows for as many places of the sum as there are lanes, and take turns to pass theirs to all. */
function addShared(emitter: Emitter, frame: Frame, pass: Pass, loops: Loops, sums: Sums): void {
  const { writer } = emitter;
  const { limits } = writer.context;
  const rows = eachRowOf(writer, frame.tile.rows, 'i');
  const axes = loops.at(-1) ?? [];
  const strip = stripOf(limits);
  const size = elementsOf(axes);
  const together = placesAtOnce(limits, pass, size);
  const step = (outer: Env, start: Expr, into: Sums): void => {
    const ahead = indicesAt(atMost(add(start, frame.lane), size - 1), axes);
    const own = ownElements(writer, frame, pass, rowElements(emitter, frame, new Map([...outer, ...ahead])));
    const placeAt = (turn: Expr): Place => {
      const at = indicesAt(bounded(add(start, turn), size - 1), axes);
      const passed: RowElement = (value, n) =>
        writer.shuffle(rows.name(frame.nameOf(value), n), present(own.get(value), 'own elements').at(n), turn);
      return { row: passed, column: columnElements(emitter, frame, new Map([...outer, ...at])) };
    };
    const takeTurns = (turn: Expr): void => {
      const places = range(together).map((t) => placeAt(add(turn, u32(t))));
      multiply(writer, frame, pass, rows, places, into);
    };
    const count = size % strip === 0 ? u32(strip) : min(u32(strip), sub(u32(size), start));
    writer.loop('turn', count, takeTurns, { max: strip - 1, step: u32(together) });
  };
  sumOver(writer, loops, sums, step, strip);
}

function rowElements(emitter: Emitter, frame: Frame, at: Env): RowElement {
  return (value, row) => emitter.element(value, new Map([...frame.batch, ...frame.rowAt(row), ...at]));
}

function columnElements(emitter: Emitter, frame: Frame, at: Env): ColumnElement {
  return (value, column) => emitter.element(value, new Map([...frame.batch, ...frame.columnAt(column), ...at]));
}

/** Kernels that say how lanes share their elements: once is enough. */
const EXPLAINED = new WeakSet<KernelWriter>();

/** What this lane loads of each row. */
function ownElements(
  writer: KernelWriter,
  frame: Frame,
  pass: Pass,
  element: RowElement,
): ReadonlyMap<ValueId, LocalArray> {
  if (!EXPLAINED.has(writer))
    writer.comment('Each lane loads one element of every row; then they take turns to pass theirs to all.');
  EXPLAINED.add(writer);
  const { rows } = frame.tile;
  const own = (value: ValueId): LocalArray => {
    const wish = `own_${frame.nameOf(value)}`;
    const from = (first: Expr, count: number): readonly Expr[] =>
      atOnce(
        writer,
        range(count).map((c) => element(value, add(first, u32(c)))),
      );
    const most = Math.min(4, rows);
    if (rows <= ONE_BY_ONE)
      return writer.array(
        wish,
        'f32',
        range(rows / most).flatMap((i) => from(u32(most * i), most)),
      );
    const array = writer.array(wish, 'f32', rows);
    const count = areInFours(writer.context, frame.rows, value) ? most : 1;
    const load = (first: Expr): void => {
      for (const [c, one] of from(first, count).entries()) array.assign(add(first, u32(c)), one);
    };
    writer.loop('i', rows, load, { step: u32(count) });
    return array;
  };
  return new Map(operandsOfPass(pass, 'row').map((value) => [value, own(value)]));
}

/** Elements, loaded at once where they are four that lie side by side. */
function atOnce(writer: KernelWriter, parts: readonly Expr[]): readonly Expr[] {
  const four = parts.length === 4 ? writer.four(parts) : undefined;
  return four?.kind === 'load' ? FOUR.map((c) => component(four, c)) : parts;
}

/** The vectors of all columns at one place of the sum. */
function columnVectors(
  writer: KernelWriter,
  frame: Frame,
  pass: Pass,
  element: ColumnElement,
): ReadonlyMap<ValueId, readonly Expr[]> {
  const vectorOf = (value: ValueId, j: number): Expr => {
    const parts = range(4).map((c) => element(value, 4 * j + c));
    return writer.let(`${frame.nameOf(value)}_${j}`, writer.four(parts));
  };
  const all = range(frame.tile.vectors);
  return new Map(operandsOfPass(pass, 'column').map((value) => [value, all.map((j) => vectorOf(value, j))]));
}

/** The elements of operands at a place of a sum. */
interface Place {
  readonly row: RowElement;
  readonly column: ColumnElement;
}

/** The products at some places of the sum. */
function multiply(
  writer: KernelWriter,
  frame: Frame,
  pass: Pass,
  rows: EachRow,
  places: readonly Place[],
  into: Sums,
): void {
  const { vectors } = frame.tile;
  const ofRows = operandsOfPass(pass, 'row');
  const columns = places.map(({ column }) => columnVectors(writer, frame, pass, column));
  rows.each((n) => {
    const elements = places.map((place) => new Map(ofRows.map((value) => [value, place.row(value, n)])));
    for (const term of pass.terms) {
      const sums = range(vectors).map((j) => present(into[term.sum], 'sum').at(add(mul(n, vectors), u32(j))));
      const products = places.map((_, t) => [elements[t]?.get(term.row), columns[t]?.get(term.column)] as const);
      addProducts(writer, products, sums);
    }
  });
}
