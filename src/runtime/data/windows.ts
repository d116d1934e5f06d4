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
    if (vocab !== undefined) {
      const at = values.findIndex((t) => t < 0 || t >= vocab);
      const token = values[at];
      if (token !== undefined) {
        throw dataFailure('token-outside-vocabulary', { token, vocab, place: source.place(window * time + at) });
      }
    }
    tokens.set(values.subarray(0, time), row * time);
    targets.set(values.subarray(1), row * time);
  }
  return { tokens, targets };
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
