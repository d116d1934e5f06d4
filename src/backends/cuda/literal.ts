import type { ScalarType } from '../../compiler/ir/kernel.ts';
import { invariant } from '../../compiler/support/invariant.ts';
import type { Printed } from '../shared/dialect.ts';
import { floatText } from '../shared/float-text.ts';
import { literalOf } from '../shared/forms.ts';

const INT_LIMIT = 2 ** 31;

/** A literal. A `u32` needs its suffix where nothing beside it says the type, and where it is too large for an int. */
export function literal(type: ScalarType, value: number, inferred: boolean): Printed {
  return literalOf(spelled(type, value, inferred));
}

function spelled(type: ScalarType, value: number, inferred: boolean): string {
  switch (type) {
    case 'bool':
      return value === 0 ? 'false' : 'true';
    case 'f32':
      return `${floatText(value)}f`;
    case 'i32':
      invariant(Number.isInteger(value), `${value} is a whole number`);
      // The digits alone are too large for an int, before the sign is seen.
      return value === -INT_LIMIT ? `(${-INT_LIMIT + 1} - 1)` : `${value}`;
    case 'u32':
      invariant(Number.isInteger(value), `${value} is a whole number`);
      return inferred && value < INT_LIMIT ? `${value}` : `${value}u`;
  }
}
