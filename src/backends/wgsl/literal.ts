import type { ScalarType } from '../../compiler/ir/kernel.ts';
import { invariant } from '../../compiler/support/invariant.ts';
import { PRECEDENCE, type Printed } from '../shared/dialect.ts';

/** A literal. Only `u32` needs a suffix to be told from other types, and none where the type is inferred. */
export function literal(type: ScalarType, value: number, inferred: boolean): Printed {
  const text = spelled(type, value, inferred);
  return { text, precedence: text.startsWith('-') ? PRECEDENCE.prefix : PRECEDENCE.atom };
}

function spelled(type: ScalarType, value: number, inferred: boolean): string {
  switch (type) {
    case 'bool':
      return value === 0 ? 'false' : 'true';
    case 'f32':
      return floatText(value);
    case 'i32':
    case 'u32':
      invariant(Number.isInteger(value), `${value} is a whole number`);
      return type === 'u32' && !inferred ? `${value}u` : `${value}`;
  }
}

const LARGEST = (2 - 2 ** -23) * 2 ** 127;

/** The shortest decimal that rounds to the same f32, and that is no larger than f32 can be: WGSL refuses one that is. */
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
