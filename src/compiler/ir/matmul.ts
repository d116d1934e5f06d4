/**
 * Products of matrices in the form in which libraries take them: result = left right, batch by batch, with left [rows, depth],
 * right [depth, columns] and result [rows, columns]. A matrix lies in memory as lines at one distance.
 */
import type { ValueId } from './graph.ts';
import type { Precision } from './kernel.ts';
import { ELEMENT_BYTES } from './storage-type.ts';

/**
 * Which products of a program go to a library. `large`: those that win by it (`passes/library/library-rule.ts`). `all`: whatever has
 * the form, for tests and comparisons.
 */
export type LibraryUse = 'large' | 'all';

/** Of the memory that a library works in: what NVIDIA advises for Hopper; smaller GPUs need less. */
export const WORKSPACE_BYTES = 32 << 20;

/** How the elements of a matrix lie. Distances are counted in elements. */
export interface MatrixLayout {
  readonly type: Precision;
  /** From one line to the next; the elements of a line are neighbours. */
  readonly leading: number;
  /** Whether the lines are the columns of the matrix instead of its rows. */
  readonly transposed: boolean;
  /** From the matrix of one batch to that of the next. */
  readonly batchStride: number;
}

export interface MatmulShape {
  readonly batch: number;
  readonly rows: number;
  readonly columns: number;
  /** Over which each element of the result is a sum. */
  readonly depth: number;
  readonly left: MatrixLayout;
  readonly right: MatrixLayout;
  /** Never transposed. */
  readonly result: MatrixLayout;
  /** Adds to what the result holds, instead of replacing it. */
  readonly accumulate: boolean;
}

/** One product of stored values. */
export interface Matmul {
  readonly shape: MatmulShape;
  readonly left: ValueId;
  readonly right: ValueId;
  readonly result: ValueId;
}

/** Floating point operations: two for each element of each sum. */
export function matmulFlops({ batch, rows, columns, depth }: MatmulShape): number {
  return 2 * batch * rows * columns * depth;
}

/** Bytes that it reads and writes at least. */
export function matmulBytes({ batch, rows, columns, depth, left, right, result, accumulate }: MatmulShape): number {
  const bytes = (elements: number, { type }: MatrixLayout): number => batch * elements * ELEMENT_BYTES[type];
  const results = (accumulate ? 2 : 1) * bytes(rows * columns, result);
  return bytes(rows * depth, left) + bytes(depth * columns, right) + results;
}

/** The matrices of a product, by their parts in it. */
export const MATRICES = ['left', 'right', 'result'] as const;

export type MatrixName = (typeof MATRICES)[number];

/** Lines of a matrix, and elements of each, as they lie in memory. */
export function linesOf(shape: MatmulShape, name: MatrixName): { readonly lines: number; readonly line: number } {
  const rows = name === 'right' ? shape.depth : shape.rows;
  const columns = name === 'left' ? shape.depth : shape.columns;
  return shape[name].transposed ? { lines: columns, line: rows } : { lines: rows, line: columns };
}

/** Bytes from the first to the end of the last element of a matrix, in all batches. */
export function matrixSpan(shape: MatmulShape, name: MatrixName): number {
  const { type, leading, batchStride } = shape[name];
  const { lines, line } = linesOf(shape, name);
  return ELEMENT_BYTES[type] * ((shape.batch - 1) * batchStride + (lines - 1) * leading + line);
}
