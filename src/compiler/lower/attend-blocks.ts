import type { Axis } from '../ir/graph.ts';
import type { Expr, TargetLimits } from '../ir/kernel.ts';
import { min, u32 } from '../ir/kernel-expr.ts';
import type { AttendOp } from '../ops/attend-shapes.ts';
import type { OwnRows } from './attend-rows.ts';
import { isIdentity } from './attend-score.ts';
import { type EachRow, eachRowOf, type OfRow } from './each-row.ts';
import { add, atMost, div, less, mul } from './index-math.ts';
import { stripOf } from './strip.ts';
import type { Env, KernelWriter } from './writer.ts';

/**
 * Rows that an invocation takes in at once: more where lanes share what they load of them, and scores take few lines. What an invocation
 * has of its own rows lies in memory, and is read once for all of them; where a driver unrolls loops, each is said once for all.
 */
export function blockOf(limits: TargetLimits, op: AttendOp, over: Axis): number {
  if (stripOf(limits) === 0 || !isIdentity(op.attrs.score)) return 4;
  return limits.unrolls && over.size >= LONG ? 16 : 8;
}

/** Rows of which there are so many that a kernel for larger blocks is worth the longer time in which it compiles. */
const LONG = 64;

/** The rows of a block. */
export interface RowBlock extends EachRow {
  /** The position of the n-th, which may be beyond the last row. */
  readonly at: OfRow;
  /** Its indices, or those of the last row. */
  readonly envOf: (n: Expr) => Env;
}

/** How many rows before and after a row of one's own matter; all where it is not known. */
export interface Reach {
  readonly before: number | undefined;
  readonly after: number | undefined;
}

/** The first row of the first block, what the first row of the last one is below, and the most that it can be. */
export interface BlockRange {
  readonly from: Expr;
  readonly to: Expr;
  readonly max: number;
}

/** Blocks of `count` rows with those that matter to the own rows of the workgroup. */
export function blockRange(
  { size }: Axis,
  own: Pick<OwnRows, 'first' | 'count'>,
  reach: Reach,
  count: number,
): BlockRange {
  // What reaches beyond all rows bounds nothing.
  const bound = (rows: number | undefined): number | undefined =>
    rows === undefined || rows >= size ? undefined : Math.max(0, rows);
  const [before, after] = [bound(reach.before), bound(reach.after)];
  const from = before === undefined ? u32(0) : mul(div(less(own.first, before), count), count);
  const to = after === undefined ? u32(size) : min(add(own.first, u32(own.count + after)), u32(size));
  return { from, to, max: Math.floor((size - 1) / count) * count };
}

/** A loop over the rows that matter to the own rows of the workgroup, `count` of them at a time: gets the first. */
export function overBlocks(
  writer: KernelWriter,
  wish: string,
  over: Axis,
  own: Pick<OwnRows, 'first' | 'count'>,
  reach: Reach,
  count: number,
  body: (start: Expr) => void,
): void {
  const { from, to, max } = blockRange(over, own, reach, count);
  writer.loop(`first_${wish}`, to, body, { from, step: u32(count), max });
}

/** The same with the rows of each block, as many as an invocation takes in at once; `outside` has the indices that they share. */
export function forBlocks(
  writer: KernelWriter,
  wish: string,
  op: AttendOp,
  { over, own, outside, reach }: BlocksToRead,
  body: (rows: RowBlock) => void,
): void {
  const count = blockOf(writer.context.limits, op, over);
  overBlocks(writer, wish, over, own, reach, count, (start) => {
    const at: OfRow = (n) => add(start, n);
    const envOf = (n: Expr): Env => new Map([...outside, [over.id, atMost(at(n), over.size - 1)]]);
    body({ ...eachRowOf(writer, count, 'n'), at, envOf });
  });
}

export interface BlocksToRead {
  readonly over: Axis;
  readonly own: OwnRows;
  readonly outside: Env;
  readonly reach: Reach;
}
