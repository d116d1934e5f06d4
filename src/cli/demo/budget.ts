/** How many steps fit into the time of a demonstration. */

/** Seconds that one of the two trainings aims at, and after which it ends early. */
export const TARGET_SECONDS = 80;
export const LIMIT_SECONDS = 100;

export const LEAST_STEPS = 20;
/** More would make a fast machine wait for nothing new to see. */
const MOST_STEPS = 3_000;

/** Of the time, this share is left for validation, probes and checkpoints. */
const SHARE_OF_STEPS = 0.85;

export interface Measured {
  /** Seconds from the load of the plan to the end of the first step: the driver compiles kernels then. */
  readonly start: number;
  /** Seconds of a later step. */
  readonly step: number;
}

/** Steps of a training, rounded to tens; undefined when even the least number takes too long. */
export function affordableSteps({ start, step }: Measured): number | undefined {
  const fits = Math.floor((SHARE_OF_STEPS * (TARGET_SECONDS - start)) / step);
  if (fits < LEAST_STEPS) return start + LEAST_STEPS * step <= LIMIT_SECONDS * SHARE_OF_STEPS ? LEAST_STEPS : undefined;
  return Math.min(MOST_STEPS, Math.floor(fits / 10) * 10);
}
