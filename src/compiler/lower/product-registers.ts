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
import type { Emitter } from './element.ts';
import { add, atMost, bounded, indicesAt, mul } from './index-math.ts';
import type { Frame } from './product-frame.ts';
import { addProducts, range, type Sums, sumOver } from './product-sums.ts';
import { loopsOf, operandsOfPass, type Pass } from './product-terms.ts';
import { isShared, stripOf } from './product-tile.ts';
import type { Env, KernelWriter, LocalArray } from './writer.ts';

const FOUR = [0, 1, 2, 3] as const;

/** The element of an operand, by number of the row or the column. */
type ElementOf = (value: ValueId, line: number) => Expr;

interface Operands {
  readonly row: ElementOf;
  readonly column: ElementOf;
}

/** Adds the products of a pass to the accumulators. Rows and columns beyond the last are the last again. */
export function addInRegisters(emitter: Emitter, frame: Frame, pass: Pass, sums: Sums): void {
  const { writer } = emitter;
  const { limits } = writer.context;
  const loops = loopsOf(writer.context, pass);
  const axes = loops.at(-1) ?? [];
  const rows = range(frame.tile.rows).map((i) => frame.rowAt(i));
  const rowElement = (value: ValueId, row: number, at: Env): Expr =>
    emitter.element(value, new Map([...frame.batch, ...present(rows[row], 'row'), ...at]));
  const columnElement = (value: ValueId, column: number, at: Env): Expr =>
    emitter.element(value, new Map([...frame.batch, ...frame.columnAt(column), ...at]));

  if (!isShared(limits, pass, axes)) {
    sumOver(writer, loops, sums, (outer, index, into) => {
      const at = new Map([...outer, ...indicesAt(index, axes)]);
      const row: ElementOf = (value, i) => writer.let(`${frame.nameOf(value)}_${i}`, rowElement(value, i, at));
      multiply(emitter, frame, pass, { row, column: (value, i) => columnElement(value, i, at) }, into);
    });
    return;
  }
  const strip = stripOf(limits);
  const size = elementsOf(axes);
  const step = (outer: Env, start: Expr, into: Sums): void => {
    const ahead = indicesAt(atMost(add(start, frame.lane), size - 1), axes);
    const own = ownElements(emitter, frame, pass, (value, row) =>
      rowElement(value, row, new Map([...outer, ...ahead])),
    );
    const count = size % strip === 0 ? u32(strip) : min(u32(strip), sub(u32(size), start));
    const placeAt = (turn: Expr): Env => new Map([...outer, ...indicesAt(bounded(add(start, turn), size - 1), axes)]);
    const turnTo = (turn: Expr): void => {
      const at = placeAt(turn);
      if (!limits.unrolls) {
        const row: ElementOf = (value, i) =>
          writer.shuffle(`${frame.nameOf(value)}_${i}`, present(own.get(value), 'own elements').at(u32(i)), turn);
        multiply(emitter, frame, pass, { row, column: (value, i) => columnElement(value, i, at) }, into);
        return;
      }
      const columns = columnVectors(emitter, frame, pass, (value, i) => columnElement(value, i, at));
      const { vectors } = frame.tile;
      const multiplyRow = (row: Expr): void => {
        const elements = new Map(
          operandsOfPass(pass, 'row').map((value) => [
            value,
            writer.shuffle(frame.nameOf(value), present(own.get(value), 'own elements').at(row), turn),
          ]),
        );
        for (const term of pass.terms) {
          const sums = range(vectors).map((j) => present(into[term.sum], 'sum').at(add(mul(row, vectors), u32(j))));
          addProducts(writer, elements.get(term.row), columns.get(term.column), sums);
        }
      };
      writer.loop('i', frame.tile.rows, multiplyRow, { unrolled: true });
    };
    writer.loop('turn', count, turnTo, { max: strip - 1 });
  };
  sumOver(writer, loops, sums, step, strip);
}

/** Kernels that say how lanes share their elements: once is enough. */
const EXPLAINED = new WeakSet<KernelWriter>();

/** What this lane loads of each row. */
function ownElements(
  { writer }: Emitter,
  frame: Frame,
  pass: Pass,
  element: ElementOf,
): ReadonlyMap<ValueId, LocalArray> {
  if (!EXPLAINED.has(writer))
    writer.comment('Each lane loads one element of every row; then they take turns to pass theirs to all.');
  EXPLAINED.add(writer);
  const own = (value: ValueId): LocalArray => {
    const elements = range(frame.tile.rows).map((row) => element(value, row));
    return writer.array(`own_${frame.nameOf(value)}`, 'f32', inFours(writer, elements));
  };
  return new Map(operandsOfPass(pass, 'row').map((value) => [value, own(value)]));
}

/** Elements, those of each four loaded at once where they lie side by side. */
function inFours(writer: KernelWriter, elements: readonly Expr[]): readonly Expr[] {
  return range(Math.ceil(elements.length / 4)).flatMap((i) => {
    const parts = elements.slice(4 * i, 4 * i + 4);
    const four = parts.length === 4 ? writer.four(parts) : undefined;
    return four?.kind === 'load' ? FOUR.map((c) => component(four, c)) : parts;
  });
}

/** The vectors of all columns at one place of the sum. */
function columnVectors(
  { writer }: Emitter,
  frame: Frame,
  pass: Pass,
  element: ElementOf,
): ReadonlyMap<ValueId, readonly Expr[]> {
  const vectorOf = (value: ValueId, j: number): Expr => {
    const parts = range(4).map((c) => element(value, 4 * j + c));
    return writer.let(`${frame.nameOf(value)}_${j}`, writer.four(parts));
  };
  const all = range(frame.tile.vectors);
  return new Map(operandsOfPass(pass, 'column').map((value) => [value, all.map((j) => vectorOf(value, j))]));
}

/** The products at one place of the sum. */
function multiply(emitter: Emitter, frame: Frame, pass: Pass, operands: Operands, into: Sums): void {
  const { writer } = emitter;
  const { rows } = frame.tile;
  const columns = columnVectors(emitter, frame, pass, operands.column);
  for (const row of range(rows)) {
    const elements = new Map(operandsOfPass(pass, 'row').map((value) => [value, operands.row(value, row)]));
    for (const term of pass.terms) {
      addProducts(writer, elements.get(term.row), columns.get(term.column), into[term.sum]?.rows[row]);
    }
  }
}
