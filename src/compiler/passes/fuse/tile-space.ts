import type { Axis, OpOf, ValueId } from '../../ir/graph.ts';
import { hasAxis } from '../../ir/tensor-type.ts';
import { present } from '../../support/invariant.ts';
import { sameAxisSet } from './axes.ts';

/** The axes of a contraction's result, by the operands that have them. */
export interface TileSpace {
  readonly batch: readonly Axis[];
  readonly rows: readonly Axis[];
  readonly columns: readonly Axis[];
}

/** The operands of each term of a contraction. */
export function termsOf(op: OpOf<'contract'>): readonly (readonly [ValueId, ValueId])[] {
  return op.attrs.terms.map((_, k) => [
    present(op.operands[2 * k], 'an operand'),
    present(op.operands[2 * k + 1], 'an operand'),
  ]);
}

/** The tile space of one term: rows are the axes that only its first operand has. */
export function tileSpace(op: OpOf<'contract'>, axesOf: (id: ValueId) => readonly Axis[], term = 0): TileSpace {
  const [left, right] = present(termsOf(op)[term], 'a term');
  const axes = present(op.results[0], 'a result').type.axes;
  const inLeft = axes.filter((a) => hasAxis(axesOf(left), a.id));
  const inRight = axes.filter((a) => hasAxis(axesOf(right), a.id));
  return {
    batch: inLeft.filter((a) => inRight.includes(a)),
    rows: inLeft.filter((a) => !inRight.includes(a)),
    columns: inRight.filter((a) => !inLeft.includes(a)),
  };
}

/** Whether two products have the same tiles; rows and columns may have changed places. */
export function sameSpace(a: TileSpace, b: TileSpace): boolean {
  if (!sameAxisSet(a.batch, b.batch)) return false;
  return (
    (sameAxisSet(a.rows, b.rows) && sameAxisSet(a.columns, b.columns)) ||
    (sameAxisSet(a.rows, b.columns) && sameAxisSet(a.columns, b.rows))
  );
}
