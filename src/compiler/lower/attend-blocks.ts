import type { Axis } from '../ir/graph.ts';
import type { Expr } from '../ir/kernel.ts';
import { min, u32 } from '../ir/kernel-expr.ts';
import type { OwnRows } from './attend-rows.ts';
import { add, atMost, div, less, mul } from './index-math.ts';
import type { KernelWriter } from './writer.ts';

/** Rows that an invocation takes in at once. */
export const BLOCK = 4;

export interface BlockRow {
  /** Its position, which may be beyond the last row. */
  readonly at: Expr;
  /** The position, or that of the last row. */
  readonly inside: Expr;
}

/** How many rows before and after a row of one's own matter; all where it is not known. */
export interface Reach {
  readonly before: number | undefined;
  readonly after: number | undefined;
}

/** A loop over the rows that matter to the own rows of the workgroup, {@link BLOCK} of them at a time. */
export function forBlocks(
  writer: KernelWriter,
  wish: string,
  over: Axis,
  own: OwnRows,
  reach: Reach,
  body: (rows: readonly BlockRow[]) => void,
): void {
  const { size } = over;
  // What reaches beyond all rows bounds nothing.
  const bound = (rows: number | undefined): number | undefined =>
    rows === undefined || rows >= size ? undefined : Math.max(0, rows);
  const [before, after] = [bound(reach.before), bound(reach.after)];
  const from = before === undefined ? u32(0) : mul(div(less(own.first, before), BLOCK), BLOCK);
  const to = after === undefined ? u32(size) : min(add(own.first, u32(own.count + after)), u32(size));
  const max = Math.floor((size - 1) / BLOCK) * BLOCK;
  const block = (start: Expr): void => {
    const rows = Array.from({ length: BLOCK }, (_, n): BlockRow => {
      const at = add(start, u32(n));
      return { at, inside: atMost(at, size - 1) };
    });
    body(rows);
  };
  writer.loop(`first_${wish}`, to, block, { from, step: u32(BLOCK), max });
}
