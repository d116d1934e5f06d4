import type { Op, OpOf, ValueId } from '../ir/graph.ts';
import { operandOf, resultOf } from '../ir/op-parts.ts';
import { present } from '../support/invariant.ts';
import { ops as table } from './table.ts';

/** Adds to `active` every value that depends differentiably on one in it, in order and within loops. */
export function spreadActivity(list: readonly Op[], active: Set<ValueId>): void {
  for (const op of list) {
    if (op.kind === 'loop') spreadInLoop(op, active);
    else if (table[op.kind].vjp !== undefined && op.operands.some((id) => active.has(id))) {
      for (const { id, type } of op.results) if (type.kind === 'float') active.add(id);
    }
  }
}

/** A carried value is active when it is at the beginning or after any iteration. */
function spreadInLoop(op: OpOf<'loop'>, active: Set<ValueId>): void {
  const { body, carried } = op.attrs;
  body.params.forEach((param, i) => {
    if (active.has(operandOf(op, i))) active.add(param.id);
  });
  for (let before = -1; before !== active.size; ) {
    before = active.size;
    spreadActivity(body.ops, active);
    body.results.slice(0, carried).forEach((id, i) => {
      if (active.has(id)) active.add(present(body.params[i], 'a parameter').id);
    });
  }
  body.results.forEach((id, i) => {
    const param = i < carried ? present(body.params[i], 'a parameter').id : id;
    if (active.has(param)) active.add(resultOf(op, i).id);
  });
}
