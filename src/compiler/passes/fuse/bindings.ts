import type { Axis, ValueId } from '../../ir/graph.ts';
import type { TargetLimits } from '../../ir/kernel.ts';
import { elementsOf } from '../../ir/tensor-type.ts';

/** How many storage bindings a kernel has, and how many a value takes. */
export interface Bindings {
  readonly most: number;
  /** Of values with these axes: one for each window that a binding can see. */
  of(axes: readonly Axis[]): number;
}

export function bindingsWithin(
  limits: Pick<TargetLimits, 'storageBindings' | 'bindingBytes' | 'offsetAlignment'>,
): Bindings {
  const window = Math.max(1, Math.floor(limits.bindingBytes / limits.offsetAlignment)) * limits.offsetAlignment;
  return { most: limits.storageBindings, of: (axes) => Math.max(1, Math.ceil((4 * elementsOf(axes)) / window)) };
}

export function countBindings(
  bindings: Bindings,
  axesOf: (id: ValueId) => readonly Axis[],
  ids: Iterable<ValueId>,
): number {
  let count = 0;
  for (const id of ids) count += bindings.of(axesOf(id));
  return count;
}
