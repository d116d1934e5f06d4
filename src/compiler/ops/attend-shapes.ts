/** The operands of attention, and the axes of its values. */
import type { AttendAttrs, Axis, OpOf, TensorType } from '../ir/graph.ts';
import { axesWithout, withoutIds } from '../ir/tensor-type.ts';
import { distinct } from './shapes.ts';

export type AttendOp = OpOf<'attend'> | OpOf<'attend_backward_query'> | OpOf<'attend_backward_key'>;

/** Operands before the captures. */
export const BEFORE_CAPTURES: { readonly [K in AttendOp['kind']]: number } = {
  attend: 3,
  attend_backward_query: 6,
  attend_backward_key: 6,
};

/** The axes of the scores: those of q without `on`, then the key. */
export function scoreAxes(q: TensorType, { on, key }: AttendAttrs): readonly Axis[] {
  return distinct([...withoutIds(q.axes, [on]), key]);
}

/** The axes of the logsumexp and of delta. */
export function queryAxes(q: TensorType, { on }: AttendAttrs): readonly Axis[] {
  return withoutIds(q.axes, [on]);
}

/** The axes of o: those of the scores without the key, then those of v that they lack. */
export function attendAxes(q: TensorType, v: TensorType, attrs: AttendAttrs): readonly Axis[] {
  const kept = queryAxes(q, attrs);
  return distinct([...kept, ...axesWithout(v.axes, kept)]);
}
