import type { Kernel } from '../ir/kernel.ts';
import type { OpRegion } from '../ir/region.ts';
import { lowerAttend } from './attend.ts';
import { lowerAttendBackwardKey } from './attend-backward-key.ts';
import { lowerAttendBackwardQuery } from './attend-backward-query.ts';
import { lowerAttendMatrix } from './attend-matrix.ts';
import { lowerAttendMatrixKey } from './attend-matrix-key.ts';
import { lowerAttendMatrixQuery } from './attend-matrix-query.ts';
import { chooseAttendTile } from './attend-matrix-tile.ts';
import { attendParts } from './attend-parts.ts';
import type { LowerContext } from './context.ts';
import { lowerScatterAdd } from './scatter.ts';

/** The kernel of an op with its own loop structure. */
export function lowerOp(context: LowerContext, region: OpRegion): Kernel {
  const { op } = region;
  if (op.kind === 'scatter_add') return lowerScatterAdd(context, region, op);
  const tile = chooseAttendTile(context, op, attendParts(context, op));
  switch (op.kind) {
    case 'attend':
      return tile ? lowerAttendMatrix(context, region, op, tile) : lowerAttend(context, region, op);
    case 'attend_backward_query':
      return tile ? lowerAttendMatrixQuery(context, region, op, tile) : lowerAttendBackwardQuery(context, region, op);
    case 'attend_backward_key':
      return tile ? lowerAttendMatrixKey(context, region, op, tile) : lowerAttendBackwardKey(context, region, op);
  }
}
