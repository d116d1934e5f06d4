/** Reading and adding at places that data tells. */
import type { Axis, AxisId, ValueId } from '../ir/graph.ts';
import { operandOf } from '../ir/op-parts.ts';
import { axesWithout, axisOf, elementsOf, hasAxis, isSubset, withAxes, withoutIds } from '../ir/tensor-type.ts';
import { invariant, present } from '../support/invariant.ts';
import type { Builder } from './builder.ts';
import { binary, conform, index, intScalar, permute, scalar, where } from './make.ts';
import { replaceAxis } from './movement.ts';
import type { OpDef } from './op-def.ts';
import { distinct, operandType, requireAxes, requireKind } from './shapes.ts';
import { aligned, offsetsOf, stridesOf, take } from './strided.ts';

/** The axes of a gather: `axis` of `x` is replaced by the axes of `ids` that `x` lacks. */
export function gatherAxes(x: readonly Axis[], ids: readonly Axis[], axis: AxisId): readonly Axis[] {
  invariant(!hasAxis(ids, axis), `ids of a gather have its axis ${axis}`);
  return replaceAxis(x, axis, axesWithout(ids, x));
}

/** For each place of `over`: where in a tensor of `axes` it reads or adds, `ids` telling the place along `axis`. */
function placesOf(axes: readonly Axis[], axis: AxisId, over: readonly Axis[], ids: Float64Array): Int32Array {
  const strides = stridesOf(axes);
  const stride = present(strides.get(axis), 'stride');
  const last = axisOf(axes, axis).size - 1;
  return offsetsOf(over, strides).map((offset, i) => offset + Math.max(0, Math.min(last, ids[i] ?? 0)) * stride);
}

/** A scatter that adds nothing up, because the result has all axes of the ids: `values` where `axis` is at the id. */
function placed(b: Builder, values: ValueId, ids: ValueId, axis: Axis, axes: readonly Axis[]): ValueId {
  const clamped = binary(b, 'min', binary(b, 'max', ids, intScalar(b, 0)), intScalar(b, axis.size - 1));
  const here = binary(b, 'eq', conform(b, index(b, [axis]), axes), conform(b, clamped, axes));
  return where(b, here, conform(b, values, axes), scalar(b, 0));
}

export const gather: { readonly [K in 'gather' | 'scatter_add']: OpDef<K> } = {
  gather: {
    infer: (c) => {
      const type = operandType(c, 0);
      requireAxes(type, [c.attrs.axis]);
      requireKind(operandType(c, 1), 'int');
      return [withAxes(type, gatherAxes(type.axes, operandType(c, 1).axes, c.attrs.axis))];
    },
    vjp: ({ b, op, gradients: [g] }) => [
      () => {
        const { axes } = b.typeOf(operandOf(op, 0));
        const [axis, ids, gradient] = [axisOf(axes, op.attrs.axis), operandOf(op, 1), present(g, 'a gradient')];
        if (isSubset(b.typeOf(ids).axes, axes)) return placed(b, gradient, ids, axis, axes);
        return b.op('scatter_add', { axis, axes }, [gradient, ids]);
      },
    ],
    evaluate: (c) => {
      const [x, ids] = [present(c.operands[0], 'operand'), present(c.operands[1], 'operand')];
      const { axes } = present(c.results[0], 'result');
      return [take(x.data, placesOf(x.type.axes, c.attrs.axis, axes, aligned(ids, axes)))];
    },
  },
  scatter_add: {
    infer: (c) => {
      const values = operandType(c, 0);
      const ids = operandType(c, 1);
      const { axis, axes } = c.attrs;
      requireKind(values, 'float');
      requireKind(ids, 'int');
      axisOf(axes, axis.id);
      invariant(!hasAxis(values.axes, axis.id), 'the axis of a scatter is fresh');
      invariant(isSubset(ids.axes, values.axes), 'values of a scatter have the axes of its ids');
      invariant(isSubset(withoutIds(axes, [axis.id]), values.axes), 'axes of a scatter come from its values');
      invariant(isSubset(axesWithout(values.axes, axes), ids.axes), 'a scatter sums over axes of its ids');
      return [withAxes(values, distinct(axes))];
    },
    vjp: ({ b, op, gradients: [g] }) => [
      () => {
        const read = b.op('gather', { axis: op.attrs.axis.id }, [present(g, 'a gradient'), operandOf(op, 1)]);
        return permute(b, read, b.typeOf(operandOf(op, 0)).axes);
      },
    ],
    evaluate: (c) => {
      const [values, ids] = [present(c.operands[0], 'operand'), present(c.operands[1], 'operand')];
      const { axes: from } = values.type;
      const out = new Float64Array(elementsOf(c.attrs.axes));
      const places = placesOf(c.attrs.axes, c.attrs.axis.id, from, aligned(ids, from));
      values.data.forEach((value, i) => {
        const place = places[i] ?? 0;
        out[place] = (out[place] ?? 0) + value;
      });
      return [out];
    },
  },
};
