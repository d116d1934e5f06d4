import type { ScalarType } from '../../compiler/ir/kernel.ts';
import { invariant } from '../../compiler/support/invariant.ts';
import type { Printed } from '../shared/dialect.ts';
import { floatText } from '../shared/float-text.ts';
import { literalOf } from '../shared/forms.ts';

/** A literal. Only `u32` needs a suffix to be told from other types, and none where the type is inferred. */
export function literal(type: ScalarType, value: number, inferred: boolean): Printed {
  return literalOf(spelled(type, value, inferred));
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
