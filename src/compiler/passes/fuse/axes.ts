import type { Axis } from '../../ir/graph.ts';

export function elementsOf(axes: readonly Axis[]): number {
  return axes.reduce((n, axis) => n * axis.size, 1);
}

export function hasAll(axes: readonly Axis[], wanted: readonly Axis[]): boolean {
  return wanted.every((w) => axes.some((a) => a.id === w.id));
}

export function sameAxisSet(a: readonly Axis[], b: readonly Axis[]): boolean {
  return a.length === b.length && hasAll(a, b);
}

export function show(axes: readonly Axis[]): string {
  return `[${axes.map((a) => a.name).join(', ')}]`;
}
