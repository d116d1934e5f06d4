import type { Axis } from '../../ir/graph.ts';
import { isSubset } from '../../ir/tensor-type.ts';

/** The same axes, in any order. */
export function sameAxisSet(a: readonly Axis[], b: readonly Axis[]): boolean {
  return a.length === b.length && isSubset(a, b);
}

/** `[batch, time]`. */
export function show(axes: readonly Axis[]): string {
  return `[${axes.map((a) => a.name).join(', ')}]`;
}
