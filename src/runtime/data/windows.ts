import { dataFailure } from '../../compiler/diagnostics/data.ts';
import { invariant } from '../../compiler/support/invariant.ts';
import { permutation } from '../permutation.ts';
import type { TokenSource } from './token-source.ts';

/** Row-major [windows, time]; targets are the tokens that come next. */
export interface Batch {
  readonly tokens: Int32Array;
  readonly targets: Int32Array;
}

/** Non-overlapping windows that fit: each takes `time` tokens and looks at one more. */
export function windowCount(source: TokenSource, time: number): number {
  return Math.max(0, Math.floor((source.length - 1) / time));
}

/** Windows by their numbers. Fails with `token-outside-vocabulary`. */
export function readWindows(
  source: TokenSource,
  windows: readonly number[],
  time: number,
  vocab: number | undefined,
): Batch {
  const tokens = new Int32Array(windows.length * time);
  const targets = new Int32Array(windows.length * time);
  for (const [row, window] of windows.entries()) {
    const values = source.read(window * time, time + 1);
    checkTokens(values, source, window * time, vocab);
    tokens.set(values.subarray(0, time), row * time);
    targets.set(values.subarray(1), row * time);
  }
  return { tokens, targets };
}

function checkTokens(values: Int32Array, source: TokenSource, start: number, vocab: number | undefined): void {
  if (vocab === undefined) return;
  const at = values.findIndex((t) => t < 0 || t >= vocab);
  const token = values[at];
  if (token !== undefined) {
    throw dataFailure('token-outside-vocabulary', { token, vocab, place: source.place(start + at) });
  }
}

/** Tokens that are looked at before a run begins; of longer data each window is checked when it is read. */
const SCANNED = 1 << 26;
const SCAN_CHUNK = 1 << 20;

/** Fails with `token-outside-vocabulary` before any training. */
export function scanTokens(source: TokenSource, vocab: number | undefined): void {
  const end = Math.min(source.length, SCANNED);
  for (let start = 0; start < end; start += SCAN_CHUNK) {
    checkTokens(source.read(start, Math.min(SCAN_CHUNK, end - start)), source, start, vocab);
  }
}

/**
 * The windows of a run: epochs, each another permutation of all windows. `position` counts windows since the run began;
 * it and the seed are the whole state. A batch may span two epochs.
 */
export function windowOrder(count: number, seed: number): (position: number) => number {
  let epoch = -1;
  let at = (index: number): number => index;
  return (position) => {
    invariant(count > 0, 'there are windows');
    const wanted = Math.floor(position / count);
    if (wanted !== epoch) {
      epoch = wanted;
      at = permutation(count, seed, epoch);
    }
    return at(position % count);
  };
}
