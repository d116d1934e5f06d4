import type { TensorType } from '../ir/graph.ts';
import type { TargetLimits } from '../ir/kernel.ts';
import { elementBytes } from '../ir/storage-type.ts';
import { elementsOf } from '../ir/tensor-type.ts';

/** Bytes of a stored tensor on a target, in whole words: so many a binding sees, and copies move. */
export function bytesOf({ axes, storage }: TensorType, limits: Pick<TargetLimits, 'narrow'>): number {
  return alignUp(elementsOf(axes) * elementBytes(storage, limits), 4);
}

export function alignUp(n: number, alignment: number): number {
  return Math.ceil(n / alignment) * alignment;
}
