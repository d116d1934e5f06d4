/** NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return ((low ?? Number.NaN) + (high ?? Number.NaN)) / 2;
}

/**
 * Between which of the values the median of what they are drawn from lies, with a confidence of 95 % at least: by the sign
 * test. Fewer than six values are not enough for that, and then it is between all of them.
 */
export function medianInterval(values: readonly number[]): readonly [number, number] {
  const sorted = [...values].sort((a, b) => a - b);
  const n = sorted.length;
  // The chance that k or fewer of n lie below the median.
  let below = 0;
  let chance = 0.5 ** n;
  let k = 0;
  while (below + chance <= 0.025) {
    below += chance;
    chance *= (n - k) / (k + 1);
    k += 1;
  }
  const at = Math.max(0, k - 1);
  return [sorted[at] ?? Number.NaN, sorted[n - 1 - at] ?? Number.NaN];
}
