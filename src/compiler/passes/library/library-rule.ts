/**
 * Which products a library of matrix products is worth, in the mode that has one (`--lib`).
 *
 * What a kernel of ours computes along with a product, a library does not: its result is stored and loaded once more. With a result of
 * R elements of b bytes and a sum over K that takes 2 b R bytes, while the library saves 2 R K operations at the difference of the
 * two rates. So a long enough sum pays, whatever the result: K > b (1 / bandwidth) / (1 / ours - 1 / library). With the rates of an H100 that
 * NVIDIA states (3.35 TB/s) and that are aimed at (ours two thirds of the library's; 600 TFLOP/s in two bytes, 50 in four), that is
 * K > 700 in two bytes and K > 120 in four. These are estimates from the roofline, not measurements.
 */
import type { Precision } from '../../ir/kernel.ts';
import type { LibraryUse, MatmulShape } from '../../ir/matmul.ts';

/** The least sum, by the bytes of an element. */
const LEAST_DEPTH = { 2: 512, 4: 128 } as const;
/** Operations below which the launch of a product matters more than its rate: 4 µs at 500 TFLOP/s. */
const LEAST_FLOPS = 2 ** 31;
/** Libraries load 16 bytes at once where all lines begin at such places, and are several times slower where they do not. */
const LINE_BYTES = 16;

export function bytesIn(precision: Precision): 2 | 4 {
  return precision === 'f32' ? 4 : 2;
}

type Sizes = Pick<MatmulShape, 'batch' | 'rows' | 'columns' | 'depth'>;

/** Whether the library wins a product of one or more terms, by their sizes. */
export function isWorthLibrary(terms: readonly Sizes[], precision: Precision, use: LibraryUse): boolean {
  if (use === 'all') return true;
  const least = LEAST_DEPTH[bytesIn(precision)];
  return terms.every(
    ({ batch, rows, columns, depth }) => depth >= least && 2 * batch * rows * columns * depth >= LEAST_FLOPS,
  );
}

/** Whether all lines of a matrix begin where a library likes them to. */
export function isAligned(
  { leading, batchStride }: { readonly leading: number; readonly batchStride: number },
  precision: Precision,
): boolean {
  const elements = LINE_BYTES / bytesIn(precision);
  return leading % elements === 0 && batchStride % elements === 0;
}
