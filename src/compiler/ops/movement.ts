/** Ops that say where an element comes from, and compute nothing. */
import type { Axis, AxisId, OpName } from '../ir/graph.ts';
import { axisOf, elementsOf, sameType, withAxes, withoutIds } from '../ir/tensor-type.ts';
import { invariant } from '../support/invariant.ts';
import type { OpDef } from './op-def.ts';
import { distinct, operandType, requireAxes } from './shapes.ts';

/** `axes` with `id` replaced, in its place. */
export function replaceAxis(axes: readonly Axis[], id: AxisId, by: readonly Axis[]): readonly Axis[] {
  return distinct(axes.flatMap((axis) => (axis.id === id ? by : [axis])));
}

/** `axes` with `into` at the place of the last of `from`, and the others of `from` gone. */
export function mergeAxes(axes: readonly Axis[], from: readonly AxisId[], into: readonly Axis[]): readonly Axis[] {
  const last = axes.findLastIndex((axis) => from.includes(axis.id));
  return distinct(axes.flatMap((axis, i) => (i === last ? into : from.includes(axis.id) ? [] : [axis])));
}

type Movement = Extract<
  OpName,
  'expand' | 'rename' | 'split' | 'merge' | 'permute' | 'slice' | 'pad' | 'pick' | 'stack'
>;

export const movement: { readonly [K in Movement]: OpDef<K> } = {
  expand: {
    infer: (c) => {
      const type = operandType(c, 0);
      return [withAxes(type, distinct([...type.axes, ...c.attrs.axes]))];
    },
  },
  rename: {
    infer: (c) => {
      const type = operandType(c, 0);
      const { from, to } = c.attrs;
      invariant(axisOf(type.axes, from).size === to.size, `rename of ${from} to ${to.name}: sizes differ`);
      return [withAxes(type, replaceAxis(type.axes, from, [to]))];
    },
  },
  split: {
    infer: (c) => {
      const type = operandType(c, 0);
      const { from, into } = c.attrs;
      invariant(axisOf(type.axes, from).size === elementsOf(into), `split of ${from}: sizes differ`);
      return [withAxes(type, replaceAxis(type.axes, from, into))];
    },
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
  },
  permute: {
    infer: (c) => {
      const type = operandType(c, 0);
      requireAxes(type, c.attrs.axes);
      invariant(c.attrs.axes.length === type.axes.length, 'permute names every axis');
      return [
        withAxes(
          type,
          c.attrs.axes.map((id) => axisOf(type.axes, id)),
        ),
      ];
    },
  },
  slice: {
    infer: (c) => {
      const type = operandType(c, 0);
      const { from, start, into } = c.attrs;
      invariant(start >= 0 && start + into.size <= axisOf(type.axes, from).size, `slice of ${from}: out of bounds`);
      return [withAxes(type, replaceAxis(type.axes, from, [into]))];
    },
  },
  pad: {
    infer: (c) => {
      const type = operandType(c, 0);
      const { from, before, into } = c.attrs;
      invariant(before >= 0 && before + axisOf(type.axes, from).size <= into.size, `pad of ${from}: out of bounds`);
      return [withAxes(type, replaceAxis(type.axes, from, [into]))];
    },
  },
  pick: {
    infer: (c) => {
      const type = operandType(c, 0);
      const { axis, index } = c.attrs;
      invariant(index >= 0 && index < axisOf(type.axes, axis).size, `pick of ${axis}: out of bounds`);
      return [withAxes(type, withoutIds(type.axes, [axis]))];
    },
  },
  stack: {
    infer: (c) => {
      const type = operandType(c, 0);
      invariant(c.operands.length === c.attrs.axis.size, 'stack has an operand for each place');
      invariant(
        c.operands.every((other) => sameType(other, type)),
        'operands of stack have one type',
      );
      return [withAxes(type, distinct([c.attrs.axis, ...type.axes]))];
    },
  },
};
