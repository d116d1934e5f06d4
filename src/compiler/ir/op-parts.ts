/** The operands and results of an op, which its kind says it has. */
import { present } from '../support/invariant.ts';
import type { Value, ValueId } from './graph.ts';

export function operandOf(op: { readonly kind: string; readonly operands: readonly ValueId[] }, i: number): ValueId {
  return present(op.operands[i], `operand ${i} of ${op.kind}`);
}

export function resultOf(op: { readonly kind: string; readonly results: readonly Value[] }, i: number): Value {
  return present(op.results[i], `result ${i} of ${op.kind}`);
}
