/**
 * Dynamic loss scaling, Micikevicius et al., arXiv 1710.03740, section 3.2: f16 has no numbers for small gradients, so the loss is
 * multiplied by a power of two, and their sums divided by it. Where that makes gradients too large for f16 the update is left out and
 * the factor halved; after many good steps in a row it is doubled.
 */
import type { Precision } from '../compiler/ir/kernel.ts';

export interface LossScale {
  readonly scale: number;
  /** Updates in a row since it changed. */
  readonly good: number;
  /** Steps of the run whose update was left out. */
  readonly skipped: number;
}

const [LEAST, FIRST, MOST] = [1, 2 ** 16, 2 ** 24];
const GOOD_STEPS = 2000;

/** Of gradients in more than 16 bits, or in bf16, whose range is that of f32. */
export const UNSCALED: LossScale = { scale: 1, good: 0, skipped: 0 };

export function firstLossScale(precision: Precision): LossScale {
  return precision === 'f16' ? { ...UNSCALED, scale: FIRST } : UNSCALED;
}

/** After a step that was updated. */
export function afterUpdate({ scale, good, skipped }: LossScale): LossScale {
  if (good + 1 < GOOD_STEPS) return { scale, good: good + 1, skipped };
  return { scale: Math.min(MOST, 2 * scale), good: 0, skipped };
}

/** After a step whose gradients were too large for f16; undefined where a smaller scale is none, so that they really are. */
export function afterSkip({ scale, skipped }: LossScale): LossScale | undefined {
  return scale > LEAST ? { scale: scale / 2, good: 0, skipped: skipped + 1 } : undefined;
}
