import type { Precision, TargetLimits } from './ir/kernel.ts';

/** What a user should know of a precision on a target, if anything. */
export function describePrecision(precision: Precision, { narrow }: Pick<TargetLimits, 'narrow'>): readonly string[] {
  if (precision === 'f32' || narrow.includes(precision)) return [];
  return [
    `precision = ${precision}: there are no buffers of ${precision} here, so that what is rounded to it still takes four bytes`,
  ];
}
