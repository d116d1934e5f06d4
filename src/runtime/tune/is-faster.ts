/**
 * Comparison of times that are noisy on one side only: what else a machine does makes a kernel slower, by much and in fits, and never
 * faster. So the quickest rounds say most.
 */

/** What a tile must spare to be worth a change. */
const LEAST_GAIN = 0.03;

/** The mean of the quicker third. */
export function typicalTime(times: readonly number[]): number {
  const quick = quickest(times, Math.ceil(times.length / 3));
  return quick.reduce((sum, time) => sum + time, 0) / quick.length;
}

/** Whether one of two that took turns is faster by more than the noise: by a few percent in each of the quicker third of its rounds. */
export function isFaster(times: readonly number[], others: readonly number[]): boolean {
  const count = Math.ceil(Math.min(times.length, others.length) / 3);
  const rivals = quickest(others, count);
  return quickest(times, count).every((time, i) => time < (1 - LEAST_GAIN) * (rivals[i] ?? 0));
}

function quickest(times: readonly number[], count: number): readonly number[] {
  return [...times].sort((a, b) => a - b).slice(0, count);
}
