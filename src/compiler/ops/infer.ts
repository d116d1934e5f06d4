import type { OpName, OpShape, TensorType, ValueId } from '../ir/graph.ts';
import { present } from '../support/invariant.ts';
import { ops } from './table.ts';

/** The types that the results of an op must have, from its attributes and the types of its operands. */
export function inferTypes<K extends OpName>(
  op: OpShape<K>,
  typeOf: (id: ValueId) => TensorType,
): readonly TensorType[] {
  const { kind, attrs, operands, results } = op;
  const declared = operands.length === 0 ? present(results[0], 'the result of a leaf').type : undefined;
  return ops[kind].infer({ attrs, operands: operands.map(typeOf), declared, typeOf });
}
