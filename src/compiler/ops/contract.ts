/** Sums of products over shared axes. */
import type { Axis, AxisId, TensorType } from '../ir/graph.ts';
import { axesWithout, isSubset, withAxes, withoutIds } from '../ir/tensor-type.ts';
import { invariant, present } from '../support/invariant.ts';
import type { OpDef } from './op-def.ts';
import { distinct, operandType, requireAxes, requireKind } from './shapes.ts';

/** The axes of a contraction of `a` and `b` over `over`: those left of `a`, then those of `b` that `a` lacks. */
export function contractAxes(a: TensorType, b: TensorType, over: readonly AxisId[]): readonly Axis[] {
  requireKind(a, 'float');
  requireKind(b, 'float');
  requireAxes(a, over);
  requireAxes(b, over);
  return distinct([...withoutIds(a.axes, over), ...axesWithout(b.axes, a.axes)]);
}

export const contract: { readonly contract: OpDef<'contract'> } = {
  contract: {
    infer: (c) => {
      const { terms } = c.attrs;
      invariant(terms.length > 0 && c.operands.length === 2 * terms.length, 'contract has a pair for each term');
      const results = terms.map((over, i) => contractAxes(operandType(c, 2 * i), operandType(c, 2 * i + 1), over));
      const first = present(results[0], 'a first term');
      for (const axes of results) {
        invariant(axes.length === first.length && isSubset(axes, first), 'terms of a contraction have the same axes');
      }
      return [withAxes(operandType(c, 0), first)];
    },
  },
};
