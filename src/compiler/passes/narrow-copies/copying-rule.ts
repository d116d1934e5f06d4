/**
 * Which products of ours are worth narrow copies of what lies in memory in four bytes.
 *
 * A tile of an operand is brought as often as there are tiles along the other side of the result. From a copy that takes half of the bytes
 * through the cache, and no registers: it is copied to workgroup memory while units multiply. To make the copy takes four bytes and two of
 * each element, once. So three tiles of 128 along the other side pay for it; where the copy is made by the kernel that makes the value, or for
 * forward and backward pass at once, fewer. These are counts of bytes, not measurements.
 */
import type { MatmulShape } from '../../ir/matmul.ts';

const LEAST_SIDE = 4 * 128;

/** Whether both operands of a product of these terms should be narrow in memory. */
export function isWorthCopying(terms: readonly Pick<MatmulShape, 'rows' | 'columns'>[]): boolean {
  return terms.every(({ rows, columns }) => Math.min(rows, columns) >= LEAST_SIDE);
}
