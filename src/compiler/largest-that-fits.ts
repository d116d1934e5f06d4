import { Failure } from './diagnostics/diagnostic.ts';
import type { kernelEntries } from './diagnostics/kernel.ts';
import { memoryEntries } from './diagnostics/memory.ts';

/**
 * What `attempt` gives for the largest of `sizes` (in order, smallest first) that the device has room for. The largest is
 * tried first, since it usually fits; then the range is halved, since what fits also fits when smaller. Throws the
 * `Failure` of the smallest size when nothing fits, and any other failure at once.
 */
export function largestThatFits<T>(sizes: readonly number[], attempt: (size: number) => T): T {
  let best: T | undefined;
  let failure: unknown;
  let [low, high] = [0, sizes.length - 1];
  for (let at = high; low <= high; at = (low + high) >> 1) {
    try {
      best = attempt(sizes[at] ?? 1);
      low = at + 1;
    } catch (error) {
      if (!isForLackOfRoom(error)) throw error;
      failure = error;
      high = at - 1;
    }
  }
  if (best === undefined) throw failure;
  return best;
}

/** No memory, or a tensor that takes more bindings than a kernel has. */
export function isForLackOfRoom(error: unknown): boolean {
  if (!(error instanceof Failure)) return false;
  return error.diagnostics.some(
    ({ code }) => code in memoryEntries || code === ('too-many-bindings' satisfies keyof typeof kernelEntries),
  );
}
