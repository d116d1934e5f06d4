import type { TensorType } from '../ir/graph.ts';
import { elementsOf } from '../ir/tensor-type.ts';

/** Bytes of a stored tensor. Every element takes four for now: f32, i32, and bool as u32. */
export function bytesOf(type: TensorType): number {
  return elementsOf(type.axes) * 4;
}

export function alignUp(n: number, alignment: number): number {
  return Math.ceil(n / alignment) * alignment;
}
