import type { Axis, Op } from './graph.ts';
import { withoutIds } from './tensor-type.ts';

/** The axes over which a kernel works that stores a result of `op`, which has `axes`: of a `put`, those of what is put. */
export function writtenAxes(op: Op | undefined, axes: readonly Axis[]): readonly Axis[] {
  return op?.kind === 'put' ? withoutIds(axes, [op.attrs.axis]) : axes;
}
