import type { Axis, TensorType } from '../ir/graph.ts';

/** Elements of a tensor with these axes; 1 without any. */
export function elementsOf(axes: readonly Axis[]): number {
  return axes.reduce((n, a) => n * a.size, 1);
}

/** Bytes of a stored tensor. Every element takes four for now: f32, i32, and bool as u32. */
export function bytesOf(type: TensorType): number {
  return elementsOf(type.axes) * 4;
}

export function alignUp(n: number, alignment: number): number {
  return Math.ceil(n / alignment) * alignment;
}
