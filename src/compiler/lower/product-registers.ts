/** A tile of a product that each invocation computes alone, from registers: for CPU adapters. */
import type { ValueId } from '../ir/graph.ts';
import type { Expr } from '../ir/kernel.ts';
import type { Emitter } from './element.ts';
import type { Frame } from './product-frame.ts';
import { addProducts, range, type Sums, sumOver } from './product-sums.ts';
import { loopsOf, operandsOfPass, type Pass } from './product-terms.ts';
import type { Env } from './writer.ts';

/** Adds the products of a pass to the accumulators. Rows and columns beyond the last are the last again. */
export function addInRegisters(emitter: Emitter, frame: Frame, pass: Pass, sums: Sums): void {
  const { writer } = emitter;
  const rows = range(frame.tile.rows).map((i) => frame.rowAt(i));
  const columns = range(frame.tile.vectors).map((j) => range(4).map((c) => frame.columnAt(4 * j + c)));

  sumOver(writer, loopsOf(writer.context, pass), sums, (at, into) => {
    const element = (value: ValueId, line: Env): Expr =>
      emitter.element(value, new Map([...frame.batch, ...line, ...at]));
    const vectorOf = (value: ValueId, j: number, four: readonly Env[]): Expr => {
      const parts = four.map((column) => element(value, column));
      return writer.let(`${frame.nameOf(value)}_${j}`, { kind: 'vector', type: 'vec4', parts });
    };
    const vectors = new Map(
      operandsOfPass(pass, 'column').map((value) => [value, columns.map((four, j) => vectorOf(value, j, four))]),
    );
    rows.forEach((row, i) => {
      const scalarOf = (value: ValueId): Expr => writer.let(`${frame.nameOf(value)}_${i}`, element(value, row));
      const scalars = new Map(operandsOfPass(pass, 'row').map((value) => [value, scalarOf(value)]));
      for (const term of pass.terms) {
        addProducts(writer, scalars.get(term.row), vectors.get(term.column), into[term.sum]?.rows[i]);
      }
    });
  });
}
