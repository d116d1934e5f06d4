/** Forms that all dialects have alike, over helpers of their own. */
import type { KernelType } from '../../compiler/ir/kernel.ts';
import { InternalError } from '../../compiler/support/invariant.ts';
import { type Form, type FormOf, type Helper, PRECEDENCE, type Printed } from './dialect.ts';

export const call = (name: string): Form => ({ kind: 'call', name });
export const callOf = (helper: Helper): Form => ({ kind: 'call', name: helper.name, helper });

/** The remainder has the sign of the divisor; a u32 has none. */
export const modForm =
  (whole: Helper, real: Helper, vector: Helper): FormOf =>
  (type) => {
    if (type === 'u32') return { kind: 'infix', symbol: '%', precedence: PRECEDENCE.product };
    return callOf(type === 'i32' ? whole : type === 'vec4' ? vector : real);
  };

/** Of f32 only. */
export const nonfiniteForm =
  (helper: Helper): FormOf =>
  (type: KernelType) => {
    if (type !== 'f32') throw new InternalError(`is_nonfinite takes an f32, not a ${type}`);
    return callOf(helper);
  };

/** A literal as it is spelled. */
export function literalOf(text: string): Printed {
  return { text, precedence: text.startsWith('-') ? PRECEDENCE.prefix : PRECEDENCE.atom };
}
