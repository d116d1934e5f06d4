/** Fragments of matrices: how large they are, and where a lane's elements of their sums lie. */
import type { Expr } from './kernel.ts';
import { add, div, mod, mul, u32 } from './kernel-expr.ts';

/** Lines of a fragment, and places along the sum. */
export const FRAGMENT = 16;
/** Elements of a square of sums that each lane has. */
export const LANE_SUMS = 8;
/** Lanes of a subgroup that has fragments. */
export const FRAGMENT_LANES = 32;

export interface FragmentPlace {
  readonly row: Expr;
  readonly column: Expr;
}

/**
 * Where in a square of sums the n-th element of a lane lies: two lie side by side in one of 8 rows of four such lanes; the
 * next two lie 8 rows below, and the last four 8 columns to the right.
 */
export function fragmentPlace(lane: Expr, n: Expr): FragmentPlace {
  const below = mod(div(n, u32(2)), u32(2));
  const right = div(n, u32(4));
  return {
    row: add(div(lane, u32(4)), mul(below, u32(8))),
    column: add(add(mul(mod(lane, u32(4)), u32(2)), mod(n, u32(2))), mul(right, u32(8))),
  };
}
