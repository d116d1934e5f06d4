/** What became of a step on the device: the place here is the number that the device has for it. */
export const STEP_OUTCOMES = [
  /** It was not finite: neither it nor any step after it changes a weight. */
  'ended',
  'applied',
  /** Its gradients were too large for f16: it only made the loss scale smaller. */
  'skipped',
] as const;

export type StepOutcome = (typeof STEP_OUTCOMES)[number];

export function outcomeNumber(outcome: StepOutcome): number {
  return STEP_OUTCOMES.indexOf(outcome);
}
