import type { OpName, OpShape, TensorType, ValueId } from '../ir/graph.ts';
import { operandOf } from '../ir/op-parts.ts';
import { hasAxis } from '../ir/tensor-type.ts';
import type { Need, Slice } from './form.ts';

/** An op of which one position is wanted. */
export interface SliceContext<K extends OpName = OpName> {
  readonly op: OpShape<K>;
  /** What is wanted of the first result. */
  readonly slice: Slice;
  readonly typeOf: (id: ValueId) => TensorType;
}

/** Operand `i` at the position, or whole when it lacks the axis. */
export function operandAt<K extends OpName>({ op, slice, typeOf }: SliceContext<K>, i: number): Need {
  const value = operandOf(op, i);
  return { value, form: hasAxis(typeOf(value).axes, slice.axis) ? slice : 'whole' };
}
