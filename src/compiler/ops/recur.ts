/** The first-order linear recurrence along an axis. */
import type { Axis, AxisId, TensorType, ValueId } from '../ir/graph.ts';
import { operandOf, resultOf } from '../ir/op-parts.ts';
import { axisOf, elementsOf, hasAxis, withAxes, withoutIds } from '../ir/tensor-type.ts';
import { present } from '../support/invariant.ts';
import { once } from '../support/once.ts';
import type { Builder } from './builder.ts';
import { conform, expand, mul, scalar } from './make.ts';
import type { EvaluateContext, GradientOf, OpDef, VjpContext } from './op-def.ts';
import { broadcastAxes, operandType, requireAxes, requireKind } from './shapes.ts';
import { aligned, offsetsOf, stridesOf } from './strided.ts';

/** Moves `x` by one place later along an axis, or by one earlier; a zero enters. */
function moved(b: Builder, x: ValueId, axis: Axis, later: boolean): ValueId {
  const { axes } = b.typeOf(x);
  const size = axis.size - 1;
  if (size === 0) return expand(b, scalar(b, 0), axes);
  const part: Axis = { id: `${axis.id}.but_one` as AxisId, name: axis.name, size };
  const kept = b.op('slice', { from: axis.id, start: later ? 0 : 1, into: part }, [x]);
  return b.op('pad', { from: part.id, before: later ? 1 : 0, into: axis }, [kept]);
}

/**
 * With g the gradient of h, what h_t is worth in all is l_t = g_t + a_(t+1) l_(t+1): a recurrence in reverse. The
 * gradient of b is l, that of a is l_t h_(t-1).
 */
function recurGradients({ b, op, gradients: [g] }: VjpContext<'recur'>): readonly GradientOf[] {
  const [x, y, h] = [operandOf(op, 0), operandOf(op, 1), resultOf(op, 0).id];
  const { over, reverse } = op.attrs;
  const axis = axisOf(b.typeOf(h).axes, over);
  const worth = once(() => {
    const next = hasAxis(b.typeOf(x).axes, over) ? moved(b, x, axis, reverse) : x;
    return b.op('recur', { over, reverse: !reverse }, [next, present(g, 'a gradient')]);
  });
  return [
    () => conform(b, mul(b, worth(), moved(b, h, axis, !reverse)), b.typeOf(x).axes),
    () => conform(b, worth(), b.typeOf(y).axes),
  ];
}

function run({ attrs: { over, reverse }, operands, results }: EvaluateContext<'recur'>): readonly Float64Array[] {
  const [a, b] = [present(operands[0], 'operand'), present(operands[1], 'operand')];
  const { axes } = present(results[0], 'result');
  const [factors, terms] = [aligned(a, axes), aligned(b, axes)];
  const out = new Float64Array(elementsOf(axes));
  const strides = stridesOf(axes);
  const { size } = axisOf(axes, over);
  const stride = strides.get(over) ?? 0;
  for (const start of offsetsOf(withoutIds(axes, [over]), strides)) {
    let state = 0;
    for (let step = 0; step < size; step += 1) {
      const place = start + (reverse ? size - 1 - step : step) * stride;
      state = (factors[place] ?? Number.NaN) * state + (terms[place] ?? Number.NaN);
      out[place] = state;
    }
  }
  return [out];
}

/** The axes of the state: those of b, or of a when b lacks some. */
function stateType(a: TensorType, b: TensorType): TensorType {
  return withAxes(b, broadcastAxes([b, a]));
}

export const recur: { readonly recur: OpDef<'recur'> } = {
  recur: {
    infer: (c) => {
      const [a, b] = [operandType(c, 0), operandType(c, 1)];
      for (const type of [a, b]) requireKind(type, 'float');
      const type = stateType(a, b);
      requireAxes(type, [c.attrs.over]);
      return [type];
    },
    vjp: recurGradients,
    evaluate: run,
  },
};
