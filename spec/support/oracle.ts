/** The oracle cases, read for graphs whose weights are stacked by layer. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Weight } from '../../src/compiler/ir/graph.ts';
import { present } from '../../src/compiler/support/invariant.ts';
import { parseSafetensors, type TensorFile } from '../../src/runtime/safetensors.ts';
import { numbersOf } from '../../src/runtime/tensor-values.ts';

const folder = join(dirname(dirname(fileURLToPath(import.meta.url))), 'oracle');

export function oracleFile(name: string, file: 'weights' | 'batch' | 'expected'): TensorFile {
  const path = join(folder, name, `${file}.safetensors`);
  return parseSafetensors(readFileSync(path), path);
}

export function tensorOf(file: TensorFile, name: string): Float64Array {
  return Float64Array.from(numbersOf(present(file.tensors.get(name), name)));
}

/** A weight of a graph from a file of the case: of a stacked one, `blocks.1.NAME`, `blocks.2.NAME`, … one after another. */
export function stackedTensor(file: TensorFile, { id, stacked }: Weight, prefix = ''): Float64Array {
  if (!stacked) return tensorOf(file, `${prefix}${id}`);
  const parts = Array.from({ length: stacked.size }, (_, i) => tensorOf(file, `${prefix}blocks.${i + 1}.${id}`));
  return Float64Array.from(parts.flatMap((part) => [...part]));
}

/** The Euclidean distance of two arrays, relative to the second or to `floor`. */
export function distance(found: Float64Array, expected: Float64Array, floor = 0): number {
  const norm = (x: Float64Array): number => Math.sqrt(x.reduce((sum, v) => sum + v * v, 0));
  const difference = found.map((v, i) => v - (expected[i] ?? Number.NaN));
  return norm(difference) / Math.max(norm(expected), floor);
}
