/** Reading and adding at places that data tells. */
import type { Axis, AxisId } from '../ir/graph.ts';
import { axesWithout, axisOf, hasAxis, isSubset, withAxes, withoutIds } from '../ir/tensor-type.ts';
import { invariant } from '../support/invariant.ts';
import { replaceAxis } from './movement.ts';
import type { OpDef } from './op-def.ts';
import { distinct, operandType, requireAxes, requireKind } from './shapes.ts';

/** The axes of a gather: `axis` of `x` is replaced by the axes of `ids` that `x` lacks. */
export function gatherAxes(x: readonly Axis[], ids: readonly Axis[], axis: AxisId): readonly Axis[] {
  invariant(!hasAxis(ids, axis), `ids of a gather have its axis ${axis}`);
  return replaceAxis(x, axis, axesWithout(ids, x));
}

export const gather: { readonly [K in 'gather' | 'scatter_add']: OpDef<K> } = {
  gather: {
    infer: (c) => {
      const type = operandType(c, 0);
      requireAxes(type, [c.attrs.axis]);
      requireKind(operandType(c, 1), 'int');
      return [withAxes(type, gatherAxes(type.axes, operandType(c, 1).axes, c.attrs.axis))];
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
  },
};
