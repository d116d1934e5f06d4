/** Reductions over axes. */
import type { AxisId, ValueId } from '../ir/graph.ts';
import { operandOf, resultOf } from '../ir/op-parts.ts';
import { axisOf, elementsOf, tensor, withAxes, withoutIds } from '../ir/tensor-type.ts';
import { present } from '../support/invariant.ts';
import type { Builder } from './builder.ts';
import { binary, conform, index, intScalar, scalar, unary, where } from './make.ts';
import type { InferContext, OpDef, Tensor } from './op-def.ts';
import { operandType, requireAxes, requireKind } from './shapes.ts';
import { offsetsOf, stridesOf, summed } from './strided.ts';

function reducedType(c: InferContext<'sum' | 'max'>) {
  const type = operandType(c, 0);
  requireKind(type, 'float', 'int');
  requireAxes(type, c.attrs.axes);
  return withAxes(type, withoutIds(type.axes, c.attrs.axes));
}

/** Whether an element of `x` is the first along `axes` that equals the maximum. */
function isFirstMax(b: Builder, x: ValueId, maximum: ValueId, axes: readonly AxisId[]): ValueId {
  const type = b.typeOf(x);
  const reduced = axes.map((id) => axisOf(type.axes, id));
  const equal = binary(b, 'eq', x, conform(b, maximum, type.axes));
  const place = index(b, reduced);
  const none = intScalar(b, elementsOf(reduced));
  // The least place is what is left of the largest of the negated places.
  const negated = unary(b, 'neg', where(b, equal, place, none));
  const first = unary(b, 'neg', b.op('max', { axes }, [negated]));
  return binary(b, 'eq', conform(b, place, type.axes), conform(b, first, type.axes));
}

/** The largest element along `axes`, and the row-major place in them of the first that equals it. */
function largest({ type, data }: Tensor, axes: readonly AxisId[]) {
  const kept = withoutIds(type.axes, axes);
  const size = elementsOf(kept);
  const values = new Float64Array(size).fill(Number.NEGATIVE_INFINITY);
  const places = new Float64Array(size);
  const targets = offsetsOf(type.axes, stridesOf(kept));
  const inner = offsetsOf(type.axes, stridesOf(axes.map((id) => axisOf(type.axes, id))));
  data.forEach((value, i) => {
    const target = targets[i] ?? 0;
    const best = values[target] ?? 0;
    const place = inner[i] ?? 0;
    if (value < best || (value === best && place >= (places[target] ?? 0))) return;
    values[target] = value;
    places[target] = place;
  });
  return { values, places };
}

export const reduce: { readonly [K in 'sum' | 'max' | 'argmax']: OpDef<K> } = {
  sum: {
    infer: (c) => [reducedType(c)],
    vjp: ({ b, op, gradients: [g] }) => [() => conform(b, present(g, 'a gradient'), b.typeOf(operandOf(op, 0)).axes)],
    evaluate: (c) => [summed(present(c.operands[0], 'operand'), present(c.results[0], 'result').axes).data],
  },
  max: {
    infer: (c) => [reducedType(c)],
    vjp: ({ b, op, gradients: [g] }) => [
      () => {
        const x = operandOf(op, 0);
        const first = isFirstMax(b, x, resultOf(op, 0).id, op.attrs.axes);
        return where(b, first, conform(b, present(g, 'a gradient'), b.typeOf(x).axes), scalar(b, 0));
      },
    ],
    evaluate: (c) => [largest(present(c.operands[0], 'operand'), c.attrs.axes).values],
  },
  argmax: {
    infer: (c) => {
      const type = operandType(c, 0);
      requireKind(type, 'float', 'int');
      requireAxes(type, [c.attrs.axis]);
      return [tensor('int', withoutIds(type.axes, [c.attrs.axis]))];
    },
    vjp: undefined,
    evaluate: (c) => [largest(present(c.operands[0], 'operand'), [c.attrs.axis]).places],
  },
};
