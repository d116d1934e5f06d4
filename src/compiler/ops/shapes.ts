/** Parts of shape rules. */
import type { Axis, AxisId, ElementKind, OpName, TensorType } from '../ir/graph.ts';
import { describeType, hasAxis, isSubset } from '../ir/tensor-type.ts';
import { invariant, present } from '../support/invariant.ts';
import type { InferContext } from './op-def.ts';

export function operandType<K extends OpName>(context: InferContext<K>, i: number): TensorType {
  return present(context.operands[i], () => `operand ${i}`);
}

export function requireKind(type: TensorType, ...kinds: readonly ElementKind[]): void {
  invariant(kinds.includes(type.kind), () => `${describeType(type)} where ${kinds.join(' or ')} is wanted`);
}

export function requireAxes(type: TensorType, ids: readonly AxisId[]): void {
  for (const id of ids) invariant(hasAxis(type.axes, id), () => `${describeType(type)} lacks axis ${id}`);
  invariant(new Set(ids).size === ids.length, () => `an axis named twice: ${ids.join(', ')}`);
}

/** Axes as a type may have them: none twice. */
export function distinct(axes: readonly Axis[]): readonly Axis[] {
  invariant(
    new Set(axes.map((a) => a.id)).size === axes.length,
    () => `an axis twice: ${axes.map((a) => a.name).join(', ')}`,
  );
  return axes;
}

/** The axes of a pointwise result: those of the first operand that has all. */
export function broadcastAxes(types: readonly TensorType[]): readonly Axis[] {
  const widest = types.find((type) => types.every((other) => isSubset(other.axes, type.axes)));
  return present(widest, () => `operand with all axes among ${types.map(describeType).join(', ')}`).axes;
}
