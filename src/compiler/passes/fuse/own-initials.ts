import type { Op, OpOf, ValueId } from '../../ir/graph.ts';
import { operandOf } from '../../ir/op-parts.ts';
import { capturesOf } from '../../ir/walk-graph.ts';
import type { Rewriter } from './normal-form.ts';
import type { Scope } from './scope.ts';

/** A loop of which each carried value begins with numbers of its own, which it may overwrite: equal ones were made one value before. */
export function ownInitials(scope: Scope, r: Rewriter, loop: OpOf<'loop'>): readonly Op[] {
  const copies: Op[] = [];
  const own = (id: ValueId, i: number): ValueId => {
    const op = scope.op(id);
    if (i >= loop.attrs.carried || !op || !areNumbers(scope, op) || !isShared(scope, loop, id)) return id;
    const copy = r.fresh(scope.value(id).type);
    copies.push({ ...op, results: [copy] });
    return copy.id;
  };
  const operands = loop.operands.map(own);
  return [...copies, { ...loop, operands }];
}

function areNumbers(scope: Scope, op: Op): boolean {
  return op.kind === 'expand' && scope.op(operandOf(op, 0))?.kind === 'constant';
}

function isShared(scope: Scope, loop: OpOf<'loop'>, id: ValueId): boolean {
  const isTwice = loop.operands.filter((other) => other === id).length > 1 || capturesOf(loop.attrs.body).includes(id);
  return isTwice || scope.users(id).length > 1 || scope.isResult(id);
}
