/** Sums of products over shared axes. */
import type { Axis, AxisId, TensorType, ValueId } from '../ir/graph.ts';
import { operandOf } from '../ir/op-parts.ts';
import { axesWithout, isSubset, sameAxes, withAxes, withoutIds } from '../ir/tensor-type.ts';
import { invariant, present } from '../support/invariant.ts';
import type { Builder } from './builder.ts';
import { contract as makeContract, permute } from './make.ts';
import type { OpDef } from './op-def.ts';
import { distinct, operandType, requireAxes, requireKind } from './shapes.ts';
import { product, reordered } from './strided.ts';

/** The axes of a contraction of `a` and `b` over `over`: those left of `a`, then those of `b` that `a` lacks. */
export function contractAxes(a: TensorType, b: TensorType, over: readonly AxisId[]): readonly Axis[] {
  requireKind(a, 'float');
  requireKind(b, 'float');
  requireAxes(a, over);
  requireAxes(b, over);
  return distinct([...withoutIds(a.axes, over), ...axesWithout(b.axes, a.axes)]);
}

/** The gradient of `x` in the product of `x` and `y`: that of the result, contracted with `y` over what `x` lacks. */
function factorGradient(b: Builder, g: ValueId, x: ValueId, y: ValueId): ValueId {
  const { axes } = b.typeOf(x);
  const over = axesWithout(b.typeOf(y).axes, axes).map((axis) => axis.id);
  const straight = contractAxes(b.typeOf(y), b.typeOf(g), over);
  const [first, second] = sameAxes(straight, axes) ? [y, g] : [g, y];
  return permute(b, makeContract(b, first, second, over), axes);
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
    vjp: ({ b, op, gradients: [g] }) =>
      op.operands.map((x, i) => () => {
        const partner = operandOf(op, i % 2 === 0 ? i + 1 : i - 1);
        return factorGradient(b, present(g, 'a gradient'), x, partner);
      }),
    evaluate: (c) => {
      const { axes } = present(c.results[0], 'result');
      const parts = c.attrs.terms.map((over, i) => {
        const [x, y] = [present(c.operands[2 * i], 'operand'), present(c.operands[2 * i + 1], 'operand')];
        return reordered(product(x, y, over), axes).data;
      });
      return [parts.reduce((total, part) => total.map((value, i) => value + (part[i] ?? Number.NaN)))];
    },
  },
};
