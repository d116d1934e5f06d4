import { invariant } from '../../compiler/support/invariant.ts';

const LARGEST = (2 - 2 ** -23) * 2 ** 127;

/** The shortest decimal that rounds to the same f32, and that is no larger than f32 can be: targets refuse one that is. */
export function floatText(value: number): string {
  const rounded = Math.fround(value);
  invariant(Number.isFinite(rounded), `${value} is a finite f32`);
  const says = (decimal: number): boolean => Math.fround(decimal) === rounded && Math.abs(decimal) <= LARGEST;
  let digits = 1;
  while (digits < 17 && !says(Number(rounded.toPrecision(digits)))) digits += 1;
  const shortest = Number(rounded.toPrecision(digits));
  const text = shortest !== 0 && Math.abs(shortest) < 1e-3 ? shortest.toExponential() : String(shortest);
  return /[.e]/.test(text) ? text : `${text}.0`;
}
