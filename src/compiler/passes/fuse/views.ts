import type { AxisId, Op, ValueId } from '../../ir/graph.ts';
import { present } from '../../support/invariant.ts';
import type { Scope } from './scope.ts';

/** Whether the result of a view has its elements in the order in which the operand has them. */
export function isAlike(scope: Scope, op: Op): boolean {
  if (op.kind === 'rename' || op.kind === 'split') return true;
  if (op.kind !== 'merge' && op.kind !== 'permute') return false;
  const axes = scope.axes(present(op.operands[0], 'an operand'));
  if (op.kind === 'permute') return axes.every((a, k) => a.id === op.attrs.axes[k]);
  return areNeighbours(
    axes.map((a) => a.id),
    op.attrs.from,
  );
}

function areNeighbours(axes: readonly AxisId[], from: readonly AxisId[]): boolean {
  const first = from[0] === undefined ? -1 : axes.indexOf(from[0]);
  return first >= 0 && from.every((a, k) => axes[first + k] === a);
}

/** Whether an op gives the elements of its operand under other axes, or in another order. */
export function isView(op: Op): boolean {
  return op.kind === 'rename' || op.kind === 'split' || op.kind === 'merge' || op.kind === 'permute';
}

/** The value of which `id` is a view. */
export function throughViews(scope: Scope, id: ValueId): ValueId {
  const op = scope.op(id);
  const operand = op?.operands[0];
  return op && operand !== undefined && isView(op) ? throughViews(scope, operand) : id;
}

/** The stored value that `id` is, seen with other axes of the same order; undefined when there is none. */
export function alikeStored(scope: Scope, id: ValueId, isStored: (id: ValueId) => boolean): ValueId | undefined {
  const op = scope.op(id);
  const operand = op?.operands[0];
  if (!op || operand === undefined || !isAlike(scope, op)) return undefined;
  return isStored(operand) ? operand : alikeStored(scope, operand, isStored);
}
