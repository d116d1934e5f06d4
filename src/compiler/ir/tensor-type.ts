/** Makers of tensor types, and questions that everything asks of them. */
import { present } from '../support/invariant.ts';
import type { Axis, AxisId, ElementKind, Storage, TensorType } from './graph.ts';

const STORAGE: { readonly [K in ElementKind]: Storage } = { float: 'f32', int: 'i32', bool: 'bool' };

export function tensor(kind: ElementKind, axes: readonly Axis[]): TensorType {
  return { kind, axes, storage: STORAGE[kind], accumulate: 'f32' };
}

export function floats(axes: readonly Axis[]): TensorType {
  return tensor('float', axes);
}

/** `type` with other axes; kind and storage stay. */
export function withAxes(type: TensorType, axes: readonly Axis[]): TensorType {
  const { kind, storage, accumulate } = type;
  return { kind, axes, storage, accumulate };
}

export function elementsOf(axes: readonly Axis[]): number {
  return axes.reduce((n, axis) => n * axis.size, 1);
}

export function hasAxis(axes: readonly Axis[], id: AxisId): boolean {
  return axes.some((axis) => axis.id === id);
}

export function axisOf(axes: readonly Axis[], id: AxisId): Axis {
  return present(
    axes.find((axis) => axis.id === id),
    `axis ${id} in ${describeAxes(axes)}`,
  );
}

/** The axes of `axes` that `others` lacks. */
export function axesWithout(axes: readonly Axis[], others: readonly Axis[]): readonly Axis[] {
  return axes.filter((axis) => !hasAxis(others, axis.id));
}

export function withoutIds(axes: readonly Axis[], ids: readonly AxisId[]): readonly Axis[] {
  return axes.filter((axis) => !ids.includes(axis.id));
}

export function isSubset(axes: readonly Axis[], of: readonly Axis[]): boolean {
  return axes.every((axis) => hasAxis(of, axis.id));
}

/** The same axes in the same order. */
export function sameAxes(a: readonly Axis[], b: readonly Axis[]): boolean {
  if (a === b) return true;
  return a.length === b.length && a.every((axis, i) => axis.id === b[i]?.id && axis.size === b[i]?.size);
}

/** Equal kind and axes, in order. Storage is a choice and does not matter. */
export function sameType(a: TensorType, b: TensorType): boolean {
  return a === b || (a.kind === b.kind && sameAxes(a.axes, b.axes));
}

export function describeAxes(axes: readonly Axis[]): string {
  return `[${axes.map((axis) => `${axis.name} ${axis.size}`).join(', ')}]`;
}

/** `float[batch 3, width 24]`. */
export function describeType(type: TensorType): string {
  return `${type.kind}${describeAxes(type.axes)}`;
}
