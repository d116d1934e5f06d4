/**
 * A tile of a product that each invocation computes from registers: for CPU adapters.
 *
 * Loads are dear there, and an element of a row is the same for all invocations of a workgroup. Where a workgroup is one
 * subgroup, each lane loads one element of the row for the next places of the sum, and passes it round.
 */
import type { ValueId } from '../ir/graph.ts';
import type { Expr } from '../ir/kernel.ts';
import { min, sub, u32 } from '../ir/kernel-expr.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import { present } from '../support/invariant.ts';
import type { Emitter } from './element.ts';
import { add, atMost, bounded, indicesAt } from './index-math.ts';
import type { Frame } from './product-frame.ts';
import { addProducts, range, type Sums, sumOver } from './product-sums.ts';
import { loopsOf, operandsOfPass, type Pass } from './product-terms.ts';
import { isShared, stripOf } from './product-tile.ts';
import type { Env, LocalArray } from './writer.ts';

/** The element of a row operand, by number of the row. */
type RowElement = (value: ValueId, row: number) => Expr;

/** Adds the products of a pass to the accumulators. Rows and columns beyond the last are the last again. */
export function addInRegisters(emitter: Emitter, frame: Frame, pass: Pass, sums: Sums): void {
  const { writer } = emitter;
  const { limits } = writer.context;
  const loops = loopsOf(writer.context, pass);
  const axes = loops.at(-1) ?? [];
  const rows = range(frame.tile.rows).map((i) => frame.rowAt(i));
  const rowElement = (value: ValueId, row: number, at: Env): Expr =>
    emitter.element(value, new Map([...frame.batch, ...present(rows[row], 'row'), ...at]));

  if (!isShared(limits, pass, axes)) {
    sumOver(writer, loops, sums, (outer, index, into) => {
      const at = new Map([...outer, ...indicesAt(index, axes)]);
      const element: RowElement = (value, row) =>
        writer.let(`${frame.nameOf(value)}_${row}`, rowElement(value, row, at));
      multiply(emitter, frame, pass, at, element, into);
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
    writer.loop(
      'turn',
      count,
      (turn) => {
        const at = new Map([...outer, ...indicesAt(bounded(add(start, turn), size - 1), axes)]);
        const element: RowElement = (value, row) =>
          writer.shuffle(`${frame.nameOf(value)}_${row}`, present(own.get(value), 'own elements').at(u32(row)), turn);
        multiply(emitter, frame, pass, at, element, into);
      },
      { max: strip - 1 },
    );
  };
  sumOver(writer, loops, sums, step, strip);
}

/** What this lane loads of each row. */
function ownElements(
  { writer }: Emitter,
  frame: Frame,
  pass: Pass,
  element: RowElement,
): ReadonlyMap<ValueId, LocalArray> {
  writer.comment('Each lane loads one element of every row; then they take turns to pass theirs to all.');
  const own = (value: ValueId): LocalArray =>
    writer.array(
      `own_${frame.nameOf(value)}`,
      'f32',
      range(frame.tile.rows).map((row) => element(value, row)),
    );
  return new Map(operandsOfPass(pass, 'row').map((value) => [value, own(value)]));
}

/** The products at one place of the sum. */
function multiply(emitter: Emitter, frame: Frame, pass: Pass, at: Env, rowElement: RowElement, into: Sums): void {
  const { writer } = emitter;
  const { rows, vectors } = frame.tile;
  const columnElement = (value: ValueId, column: number): Expr =>
    emitter.element(value, new Map([...frame.batch, ...frame.columnAt(column), ...at]));
  const vectorOf = (value: ValueId, j: number): Expr => {
    const parts = range(4).map((c) => columnElement(value, 4 * j + c));
    return writer.let(`${frame.nameOf(value)}_${j}`, { kind: 'vector', type: 'vec4', parts });
  };
  const columns = new Map(
    operandsOfPass(pass, 'column').map((value) => [value, range(vectors).map((j) => vectorOf(value, j))]),
  );
  for (const row of range(rows)) {
    const elements = new Map(operandsOfPass(pass, 'row').map((value) => [value, rowElement(value, row)]));
    for (const term of pass.terms) {
      addProducts(writer, elements.get(term.row), columns.get(term.column), into[term.sum]?.rows[row]);
    }
  }
}
