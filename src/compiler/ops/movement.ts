/** Ops that say where an element comes from, and compute nothing. */
import type { Axis, AxisId, OpName, TensorType, ValueId } from '../ir/graph.ts';
import { operandOf } from '../ir/op-parts.ts';
import { axisOf, elementsOf, sameType, withAxes, withoutIds } from '../ir/tensor-type.ts';
import { invariant, present } from '../support/invariant.ts';
import { expand, permute, sum } from './make.ts';
import type { EvaluateContext, OpDef, Tensor, VjpContext } from './op-def.ts';
import { distinct, operandType, requireAxes } from './shapes.ts';
import { offsetsOf, stridesOf, take } from './strided.ts';

/** `axes` with `id` replaced, in its place. */
export function replaceAxis(axes: readonly Axis[], id: AxisId, by: readonly Axis[]): readonly Axis[] {
  return distinct(axes.flatMap((axis) => (axis.id === id ? by : [axis])));
}

/** `axes` with `into` at the place of the last of `from`, and the others of `from` gone. */
export function mergeAxes(axes: readonly Axis[], from: readonly AxisId[], into: readonly Axis[]): readonly Axis[] {
  const last = axes.findLastIndex((axis) => from.includes(axis.id));
  return distinct(axes.flatMap((axis, i) => (i === last ? into : from.includes(axis.id) ? [] : [axis])));
}

/** An axis of size 1, for a place among those of `axis`. */
function unitAxis(axis: Axis): Axis {
  const name = `${axis.name}_1`;
  return { id: `${axis.id}.unit` as AxisId, name, size: 1 };
}

/** A vjp that undoes a movement of the only operand: it gets the gradient and the operand's type. */
function undo<K extends OpName>(make: (c: VjpContext<K>, g: ValueId, type: TensorType) => ValueId): OpDef<K>['vjp'] {
  return (c) => [
    () => {
      const type = c.b.typeOf(operandOf(c.op, 0));
      return permute(c.b, make(c, present(c.gradients[0], 'a gradient'), type), type.axes);
    },
  ];
}

/** The only operand's elements at places that follow from its strides. */
function moved<K extends OpName>(
  places: (c: EvaluateContext<K>, from: Tensor, to: readonly Axis[]) => Int32Array,
): OpDef<K>['evaluate'] {
  return (c) => {
    const from = present(c.operands[0], 'operand');
    return [take(from.data, places(c, from, present(c.results[0], 'result').axes))];
  };
}

/** For an op that only names axes anew. */
function kept<K extends OpName>(c: EvaluateContext<K>): readonly Float64Array[] {
  return [present(c.operands[0], 'operand').data];
}

/** The strides of `x` in which `to` moves as `from`. */
function stridesAs(x: Tensor, from: AxisId, to: AxisId): ReadonlyMap<AxisId, number> {
  const strides = stridesOf(x.type.axes);
  return new Map([...strides, [to, present(strides.get(from), `axis ${from}`)]]);
}

type Movement = 'expand' | 'rename' | 'split' | 'merge' | 'permute' | 'slice' | 'pad' | 'pick' | 'stack';

export const movement: { readonly [K in Movement]: OpDef<K> } = {
  expand: {
    infer: (c) => {
      const type = operandType(c, 0);
      return [withAxes(type, distinct([...type.axes, ...c.attrs.axes]))];
    },
    vjp: undo(({ b, op }, g) =>
      sum(
        b,
        g,
        op.attrs.axes.map((a) => a.id),
      ),
    ),
    evaluate: moved((_, x, to) => offsetsOf(to, stridesOf(x.type.axes))),
  },
  rename: {
    infer: (c) => {
      const type = operandType(c, 0);
      const { from, to } = c.attrs;
      invariant(axisOf(type.axes, from).size === to.size, `rename of ${from} to ${to.name}: sizes differ`);
      return [withAxes(type, replaceAxis(type.axes, from, [to]))];
    },
    vjp: undo(({ b, op: { attrs } }, g, type) =>
      b.op('rename', { from: attrs.to.id, to: axisOf(type.axes, attrs.from) }, [g]),
    ),
    evaluate: kept,
  },
  split: {
    infer: (c) => {
      const type = operandType(c, 0);
      const { from, into } = c.attrs;
      invariant(axisOf(type.axes, from).size === elementsOf(into), `split of ${from}: sizes differ`);
      return [withAxes(type, replaceAxis(type.axes, from, into))];
    },
    vjp: undo(({ b, op: { attrs } }, g, type) =>
      b.op('merge', { from: attrs.into.map((a) => a.id), into: axisOf(type.axes, attrs.from) }, [g]),
    ),
    evaluate: kept,
  },
  merge: {
    infer: (c) => {
      const type = operandType(c, 0);
      const { from, into } = c.attrs;
      requireAxes(type, from);
      const size = elementsOf(from.map((id) => axisOf(type.axes, id)));
      invariant(from.length > 0 && size === into.size, `merge into ${into.name}: sizes differ`);
      return [withAxes(type, mergeAxes(type.axes, from, [into]))];
    },
    vjp: undo(({ b, op: { attrs } }, g, type) =>
      b.op('split', { from: attrs.into.id, into: attrs.from.map((id) => axisOf(type.axes, id)) }, [g]),
    ),
    evaluate: moved((c, { type }) => {
      const from = c.attrs.from.map((id) => axisOf(type.axes, id));
      return offsetsOf(mergeAxes(type.axes, c.attrs.from, from), stridesOf(type.axes));
    }),
  },
  permute: {
    infer: (c) => {
      const type = operandType(c, 0);
      requireAxes(type, c.attrs.axes);
      invariant(c.attrs.axes.length === type.axes.length, 'permute names every axis');
      const axes = c.attrs.axes.map((id) => axisOf(type.axes, id));
      return [withAxes(type, axes)];
    },
    vjp: undo((_, g) => g),
    evaluate: moved((_, x, to) => offsetsOf(to, stridesOf(x.type.axes))),
  },
  slice: {
    infer: (c) => {
      const type = operandType(c, 0);
      const { from, start, into } = c.attrs;
      invariant(start >= 0 && start + into.size <= axisOf(type.axes, from).size, `slice of ${from}: out of bounds`);
      return [withAxes(type, replaceAxis(type.axes, from, [into]))];
    },
    vjp: undo(({ b, op: { attrs } }, g, type) =>
      b.op('pad', { from: attrs.into.id, before: attrs.start, into: axisOf(type.axes, attrs.from) }, [g]),
    ),
    evaluate: moved((c, x, to) => {
      const strides = stridesAs(x, c.attrs.from, c.attrs.into.id);
      return offsetsOf(to, strides, c.attrs.start * (strides.get(c.attrs.from) ?? 0));
    }),
  },
  pad: {
    infer: (c) => {
      const type = operandType(c, 0);
      const { from, before, into } = c.attrs;
      invariant(before >= 0 && before + axisOf(type.axes, from).size <= into.size, `pad of ${from}: out of bounds`);
      return [withAxes(type, replaceAxis(type.axes, from, [into]))];
    },
    vjp: undo(({ b, op: { attrs } }, g, type) =>
      b.op('slice', { from: attrs.into.id, start: attrs.before, into: axisOf(type.axes, attrs.from) }, [g]),
    ),
    evaluate: (c) => {
      const { type, data } = present(c.operands[0], 'operand');
      const result = present(c.results[0], 'result');
      const out = new Float64Array(elementsOf(result.axes));
      const strides = stridesOf(result.axes);
      const stride = present(strides.get(c.attrs.into.id), 'stride');
      const places = offsetsOf(type.axes, new Map([...strides, [c.attrs.from, stride]]), c.attrs.before * stride);
      data.forEach((value, i) => {
        out[places[i] ?? 0] = value;
      });
      return [out];
    },
  },
  pick: {
    infer: (c) => {
      const type = operandType(c, 0);
      const { axis, index } = c.attrs;
      invariant(index >= 0 && index < axisOf(type.axes, axis).size, `pick of ${axis}: out of bounds`);
      return [withAxes(type, withoutIds(type.axes, [axis]))];
    },
    vjp: undo(({ b, op: { attrs } }, g, type) => {
      const into = axisOf(type.axes, attrs.axis);
      const unit = unitAxis(into);
      return b.op('pad', { from: unit.id, before: attrs.index, into }, [expand(b, g, [unit])]);
    }),
    evaluate: moved((c, x, to) => {
      const strides = stridesOf(x.type.axes);
      return offsetsOf(to, strides, c.attrs.index * (strides.get(c.attrs.axis) ?? 0));
    }),
  },
  stack: {
    infer: (c) => {
      const type = operandType(c, 0);
      invariant(c.operands.length === c.attrs.axis.size, 'stack has an operand for each place');
      const one = c.operands.every((other) => sameType(other, type));
      invariant(one, 'operands of stack have one type');
      return [withAxes(type, distinct([c.attrs.axis, ...type.axes]))];
    },
    vjp: ({ b, op, gradients: [g] }) =>
      op.operands.map((_, index) => () => b.op('pick', { axis: op.attrs.axis.id, index }, [present(g, 'a gradient')])),
    evaluate: (c) => {
      const size = present(c.operands[0], 'operand').data.length;
      const out = new Float64Array(size * c.operands.length);
      c.operands.forEach(({ data }, i) => {
        out.set(data, i * size);
      });
      return [out];
    },
  },
};
