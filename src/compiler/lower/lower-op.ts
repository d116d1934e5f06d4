import type { Kernel } from '../ir/kernel.ts';
import type { OpRegion } from '../ir/region.ts';
import { lowerAttend } from './attend.ts';
import { lowerAttendBackwardKey } from './attend-backward-key.ts';
import { lowerAttendBackwardQuery } from './attend-backward-query.ts';
import type { LowerContext } from './context.ts';
import { lowerScatterAdd } from './scatter.ts';

/** The kernel of an op with its own loop structure. */
export function lowerOp(context: LowerContext, region: OpRegion): Kernel {
  const { op } = region;
  switch (op.kind) {
    case 'attend':
      return lowerAttend(context, region, op);
    case 'attend_backward_query':
      return lowerAttendBackwardQuery(context, region, op);
    case 'attend_backward_key':
      return lowerAttendBackwardKey(context, region, op);
    case 'scatter_add':
      return lowerScatterAdd(context, region, op);
  }
}
