import type { Expr } from '../ir/kernel.ts';
import { u32 } from '../ir/kernel-expr.ts';
import { invariant, present } from '../support/invariant.ts';
import { range } from '../support/range.ts';
import { stripOf } from './strip.ts';
import type { KernelWriter } from './writer.ts';

/** What there is for the n-th row. */
export type OfRow = (n: Expr) => Expr;

/**
 * What is done for each row of a tile or a block: written out, row by row, or said once in a loop, where the driver unrolls it, so that
 * local arrays that it indexes are registers.
 */
export interface EachRow {
  readonly count: number;
  /** Whether it is said once. */
  readonly isLoop: boolean;
  each(body: (n: Expr) => void): void;
  /** What to call something of the n-th row. */
  name(wish: string, n: Expr): string;
  /** Vectors of four that are kept, one for each row. */
  values(wish: string, value: OfRow): OfRow;
  /** `next` of all rows in their order, beginning with `first`. */
  fold(wish: string, first: Expr, next: (before: Expr, n: Expr) => Expr): Expr;
}

/** In a loop where that pays. `index` is what the number of a row is called there. */
export function eachRowOf(writer: KernelWriter, count: number, index: string): EachRow {
  const { limits } = writer.context;
  return limits.unrolls && stripOf(limits) > 0 ? inLoop(writer, count, index) : writtenOut(writer, count);
}

function inLoop(writer: KernelWriter, count: number, index: string): EachRow {
  const each = (body: (n: Expr) => void): void => writer.loop(index, count, body, { unrolled: true });
  return {
    count,
    isLoop: true,
    each,
    name: (wish) => wish,
    values(wish, value) {
      const all = writer.array(wish, 'vec4', count);
      each((n) => all.assign(n, value(n)));
      return all.at;
    },
    fold(wish, first, next) {
      const total = writer.var(wish, first);
      each((n) => writer.assign(total, next(total.value, n)));
      return total.value;
    },
  };
}

export function writtenOut(writer: KernelWriter, count: number): EachRow {
  const rows = range(count).map(u32);
  const name = (wish: string, n: Expr): string => `${wish}_${numberOf(n)}`;
  return {
    count,
    isLoop: false,
    each: (body) => rows.forEach(body),
    name,
    values: (wish, value) => ofList(rows.map((n) => writer.let(name(wish, n), value(n)))),
    fold: (_, first, next) => rows.reduce<Expr>((before, n) => next(before, n), first),
  };
}

/** One of a list, by a number that is known. */
export function ofList(all: readonly Expr[]): OfRow {
  return (n) => present(all[numberOf(n)], 'one for each row');
}

function numberOf(n: Expr): number {
  invariant(n.kind === 'literal', 'rows that are written out have known numbers');
  return n.value;
}
