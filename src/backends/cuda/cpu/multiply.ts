/** Products of matrices on the processor, in the place of a library: operands of two bytes are widened, sums are f32. */

import type { Precision } from '../../../compiler/ir/kernel.ts';
import { linesOf, type MatmulShape, type MatrixName } from '../../../compiler/ir/matmul.ts';
import { bfloatToNumber, halfToNumber, numberToBfloat, numberToHalf } from '../../../compiler/support/narrow-floats.ts';

/** Numbers in memory, by their places. */
interface Cells {
  readonly get: (at: number) => number;
  readonly set: (at: number, value: number) => void;
}

const CELLS: { readonly [P in Precision]: (bytes: Uint8Array<ArrayBuffer>) => Cells } = {
  f32: (bytes) => {
    const words = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    return {
      get: (at) => words[at] ?? Number.NaN,
      set: (at, value) => {
        words[at] = value;
      },
    };
  },
  f16: (bytes) => halves(bytes, halfToNumber, numberToHalf),
  bf16: (bytes) => halves(bytes, bfloatToNumber, numberToBfloat),
};

function halves(
  bytes: Uint8Array<ArrayBuffer>,
  read: (bits: number) => number,
  write: (value: number) => number,
): Cells {
  const words = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
  return {
    get: (at) => read(words[at] ?? 0),
    set: (at, value) => {
      words[at] = write(value);
    },
  };
}

/** Computes a product; `bytesOf` gives the memory of a matrix, from its first to its last element. */
export function multiply(shape: MatmulShape, bytesOf: (matrix: MatrixName) => Uint8Array<ArrayBuffer>): void {
  const { batch, rows, columns, depth, accumulate } = shape;
  const { type, leading, batchStride } = shape.result;
  const result = CELLS[type](bytesOf('result'));
  const [left, right] = (['left', 'right'] as const).map((name) => CELLS[shape[name].type](bytesOf(name)));
  if (!left || !right) return;
  for (let b = 0; b < batch; b++) {
    const a = packed(left, shape, 'left', b);
    const c = packed(right, shape, 'right', b);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        let sum = 0;
        for (let k = 0; k < depth; k++)
          sum = Math.fround(sum + (a[row * depth + k] ?? 0) * (c[column * depth + k] ?? 0));
        const at = b * batchStride + row * leading + column;
        result.set(at, accumulate ? Math.fround(sum + result.get(at)) : sum);
      }
    }
  }
}

/** The rows of a left matrix, or the columns of a right one, each along the sum. */
function packed(cells: Cells, shape: MatmulShape, name: 'left' | 'right', batch: number): Float32Array {
  const { leading, transposed, batchStride } = shape[name];
  const { lines, line } = linesOf(shape, name);
  // Lines run along the sum unless they are the other way round.
  const isAlong = (name === 'left') !== transposed;
  const values = new Float32Array(lines * line);
  for (let l = 0; l < lines; l++) {
    for (let i = 0; i < line; i++)
      values[isAlong ? l * line + i : i * lines + l] = cells.get(batch * batchStride + l * leading + i);
  }
  return values;
}
