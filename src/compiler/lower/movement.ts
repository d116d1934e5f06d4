/** Movement ops as rewriting of an index: where in its operand an element of the result comes from. */
import type { Axis, AxisId, OpOf } from '../ir/graph.ts';
import type { Expr } from '../ir/kernel.ts';
import { and, binary, bool, u32 } from '../ir/kernel-expr.ts';
import { present } from '../support/invariant.ts';
import { add, atMost, boundOf, less, rowMajor, unravel } from './index-math.ts';
import type { Env } from './writer.ts';

export function indexAt(at: Env, axis: AxisId): Expr {
  return present(at.get(axis), `index of axis ${axis}`);
}

function replaced(at: Env, gone: readonly AxisId[], entries: readonly (readonly [AxisId, Expr])[]): Env {
  const next = new Map(at);
  for (const axis of gone) next.delete(axis);
  for (const [axis, index] of entries) next.set(axis, index);
  return next;
}

export function renamed({ attrs }: OpOf<'rename'>, at: Env): Env {
  return replaced(at, [attrs.to.id], [[attrs.from, indexAt(at, attrs.to.id)]]);
}

export function splitIndex({ attrs }: OpOf<'split'>, at: Env): Env {
  const whole = rowMajor(attrs.into, (axis) => indexAt(at, axis.id));
  return replaced(
    at,
    attrs.into.map((axis) => axis.id),
    [[attrs.from, whole]],
  );
}

/** `from`: the merged axes with their sizes. */
export function mergedIndex({ attrs }: OpOf<'merge'>, from: readonly Axis[], at: Env): Env {
  const parts = unravel(indexAt(at, attrs.into.id), from);
  return replaced(
    at,
    [attrs.into.id],
    from.map((axis, i) => [axis.id, present(parts[i], 'index')] as const),
  );
}

export function sliced({ attrs }: OpOf<'slice'>, at: Env): Env {
  return replaced(at, [attrs.into.id], [[attrs.from, add(indexAt(at, attrs.into.id), u32(attrs.start))]]);
}

/** The index into the operand, moved to its edge outside, and whether it is inside. `size` is that of the operand. */
export function padded({ attrs }: OpOf<'pad'>, size: number, at: Env): { readonly at: Env; readonly inside: Expr } {
  const index = indexAt(at, attrs.into.id);
  const after = attrs.before === 0 ? bool(true) : binary('ge', index, u32(attrs.before));
  const end = attrs.before + size;
  const before = boundOf(index) < end ? bool(true) : binary('lt', index, u32(end));
  const inner = atMost(less(index, attrs.before), size - 1);
  return { at: replaced(at, [attrs.into.id], [[attrs.from, inner]]), inside: and(after, before) };
}

export function picked({ attrs }: OpOf<'pick'>, at: Env): Env {
  return replaced(at, [], [[attrs.axis, u32(attrs.index)]]);
}

/** `at` without the axes that `axes` does not have. */
export function restricted(at: Env, axes: readonly Axis[]): Env {
  return new Map(axes.map((axis) => [axis.id, indexAt(at, axis.id)]));
}
