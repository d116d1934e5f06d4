import type { Op, OpOf } from '../../ir/graph.ts';
import { operandOf, resultOf } from '../../ir/op-parts.ts';
import { elementsOf, withAxes, withoutIds } from '../../ir/tensor-type.ts';
import type { Rewriter } from './normal-form.ts';

/** Elements that a few rows may take in; more are worth a kernel that first makes rows of them. */
const MOST_IN_FEW_ROWS = 2 ** 20;
const FEW_ROWS = 16;
/** Partial results that are few again. */
const FEW_PARTS = 2 ** 18;

/** A reduction of very much to very little as one of its last axes, whose rows can run side by side, and one of the rest. */
export function splitReduction(r: Rewriter, op: OpOf<'sum'> | OpOf<'max'>): readonly Op[] {
  const type = r.typeOf(operandOf(op, 0));
  const reduced = type.axes.filter((a) => op.attrs.axes.includes(a.id));
  const isLarge = elementsOf(type.axes) > MOST_IN_FEW_ROWS && elementsOf(resultOf(op, 0).type.axes) <= FEW_ROWS;
  if (!isLarge || reduced.length < 2) return [op];
  let first = reduced.length - 1;
  while (first > 1 && elementsOf(reduced.slice(0, first)) > FEW_PARTS) first--;
  const inner = reduced.slice(first).map((a) => a.id);
  const part = r.fresh(withAxes(type, withoutIds(type.axes, inner)));
  const rest = reduced.slice(0, first).map((a) => a.id);
  return [
    { ...op, attrs: { axes: inner }, results: [part] },
    { ...op, attrs: { axes: rest }, operands: [part.id] },
  ];
}
