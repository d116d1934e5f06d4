/** Milliseconds of one of `count` calls. */
export async function timed(count: number, work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  for (let i = 0; i < count; i += 1) await work();
  return (performance.now() - began) / count;
}

/** NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return ((low ?? Number.NaN) + (high ?? Number.NaN)) / 2;
}
