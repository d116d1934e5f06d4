/** What fits into the time of a demonstration: steps, validations and words. */

/** Seconds that one of the two trainings aims at, and after which it ends early. */
export const TARGET_SECONDS = 80;
export const LIMIT_SECONDS = 100;

export const LEAST_STEPS = 20;
/** More would make a fast machine wait for nothing new to see. */
const MOST_STEPS = 3_000;
const VALIDATIONS = { least: 2, most: 20 } as const;
const SAMPLED = { least: 40, most: 160 } as const;

/** Shares of the time. What they leave is for probes and checkpoints. */
const SHARE = { steps: 0.65, validation: 0.15, sample: 0.1 } as const;

export interface Measured {
  /** Seconds from the load of the plan to the end of the first step: the driver compiles kernels then. */
  readonly start: number;
  /** Seconds of a later step. */
  readonly step: number;
  /** Seconds in which one sequence goes forward. */
  readonly forward: number;
}

export interface Sizes {
  /** Sequences of one step. */
  readonly batch: number;
  /** Tokens of a sequence. */
  readonly time: number;
  /** Tokens that a validation would see if there were time for all. */
  readonly evalTokens: number;
}

export interface Budget {
  /** Rounded to tens. */
  readonly steps: number;
  /** Steps between two validations. */
  readonly every: number;
  readonly evalTokens: number;
  /** Tokens of the text that a trained model writes. */
  readonly sampled: number;
}

/** What a training does within its time; undefined when even the least number of steps takes too long. */
export function budgetOf({ start, step, forward }: Measured, { batch, time, evalTokens }: Sizes): Budget | undefined {
  const fits = Math.floor((SHARE.steps * (TARGET_SECONDS - start)) / step / 10) * 10;
  const enough = start + LEAST_STEPS * step <= LIMIT_SECONDS * (SHARE.steps + SHARE.validation);
  if (fits < LEAST_STEPS && !enough) return undefined;
  const steps = between(fits, LEAST_STEPS, MOST_STEPS);
  const sequences = (SHARE.validation * TARGET_SECONDS) / forward;
  const wished = Math.ceil(evalTokens / time);
  const validations = between(Math.floor(sequences / wished), VALIDATIONS.least, VALIDATIONS.most);
  // A validation takes whole batches, at least one.
  const each = Math.max(batch, Math.floor(Math.min(wished, sequences / validations) / batch) * batch);
  return {
    steps,
    every: Math.ceil(steps / validations),
    evalTokens: each * time,
    sampled: between(Math.floor((SHARE.sample * TARGET_SECONDS) / forward), SAMPLED.least, SAMPLED.most),
  };
}

function between(n: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, n));
}
