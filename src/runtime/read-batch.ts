import { dataFailure } from '../compiler/diagnostics/data.ts';
import type { Batch } from './data/windows.ts';
import type { Tensor } from './safetensors.ts';
import { numbersOf } from './tensor-values.ts';
import { readTensorFile } from './weights-file.ts';

export interface FileBatch extends Batch {
  /** Sequences. */
  readonly rows: number;
  readonly time: number;
}

/**
 * Reads `tokens` and `targets`, whole numbers [batch, time]. Negative targets are those that do not count.
 * Fails with `batch-mismatch`.
 */
export function readBatch(path: string): FileBatch {
  const fail = (problem: string): never => {
    throw dataFailure('batch-mismatch', { path, problem });
  };
  const { tensors } = readTensorFile(path);
  const extra = [...tensors.keys()].filter((n) => n !== 'tokens' && n !== 'targets');
  if (extra.length) fail(`it has '${extra.join("', '")}', which no input of the model takes`);
  const read = (name: string): Tensor => tensors.get(name) ?? fail(`it has no tensor '${name}'`);
  const [tokens, targets] = [read('tokens'), read('targets')];
  const [rows, time, ...more] = tokens.shape;
  if (rows === undefined || time === undefined || more.length || rows * time === 0) {
    return fail(`'tokens' is [${tokens.shape.join(', ')}], and must have a batch and a time`);
  }
  if (targets.shape.join() !== tokens.shape.join()) fail("'tokens' and 'targets' differ in shape");
  return { rows, time, tokens: integers(tokens, 'tokens', fail), targets: integers(targets, 'targets', fail) };
}

function integers(tensor: Tensor, name: string, fail: (problem: string) => never): Int32Array {
  const values = numbersOf(tensor);
  if (!values.every((v) => Number.isInteger(v) && Math.abs(v) < 2 ** 31))
    fail(`'${name}' has a value that is no token`);
  return Int32Array.from(values);
}

/** Fails with `batch-mismatch` unless the batch has the sizes and the vocabulary that were compiled. */
export function checkBatch(
  batch: FileBatch,
  path: string,
  sizes: { readonly rows: number; readonly time: number; readonly vocab: number | undefined },
): void {
  const { rows, time, vocab } = sizes;
  if (batch.rows !== rows || batch.time !== time) {
    const problem = `it is [${batch.rows}, ${batch.time}], and the model was compiled for [${rows}, ${time}]`;
    throw dataFailure('batch-mismatch', { path, problem });
  }
  const token = batch.tokens.find((t) => t < 0 || t >= (vocab ?? Number.POSITIVE_INFINITY));
  const target = batch.targets.find((t) => t >= (vocab ?? Number.POSITIVE_INFINITY));
  const bad = token ?? target;
  if (bad !== undefined) {
    throw dataFailure('batch-mismatch', { path, problem: `token ${bad} is outside of the vocabulary of ${vocab}` });
  }
}
