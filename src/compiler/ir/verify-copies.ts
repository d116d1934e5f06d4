/**
 * A function that copies to workgroup memory looks at it behind a wait and a barrier, and waits for groups that are closed. The order is
 * that of the text; whether a wait is for the group that is looked at depends on the passes of loops, and only running a kernel tells.
 */
import { invariant } from '../support/invariant.ts';
import type { Expr, Kernel, Statement } from './kernel.ts';
import { copiedArrays, expressionsOf, operandsOf, walkStatements } from './kernel-walk.ts';

export function verifyCopies(kernel: Kernel): void {
  for (const { body } of [kernel, ...kernel.functions]) {
    const copied = copiedArrays({ body, functions: [] });
    if (copied.size > 0) verifyOrder(kernel, body, copied);
  }
}

function verifyOrder(kernel: Kernel, body: readonly Statement[], copied: ReadonlySet<string>): void {
  let isOpen = false;
  let since: 'nothing' | 'wait' | 'barrier' = 'nothing';
  walkStatements(body, (statement) => {
    if (statement.kind === 'copy_shared') isOpen = true;
    if (statement.kind === 'commit_copies') isOpen = false;
    if (statement.kind === 'wait_copies') {
      invariant(!isOpen, `kernel ${kernel.name}: copies are waited for whose group is not closed`);
      since = 'wait';
    }
    if (statement.kind === 'barrier' && since === 'wait') since = 'barrier';
    const read = arraysRead(statement).find((array) => copied.has(array));
    const isBehind = read === undefined || since === 'barrier';
    invariant(isBehind, `kernel ${kernel.name}: ${read} is read with no wait and barrier behind what is copied to it`);
  });
  invariant(!isOpen, `kernel ${kernel.name}: copies are begun whose group is not closed`);
}

/** Arrays of workgroup memory that a statement reads itself. */
function arraysRead(statement: Statement): readonly string[] {
  const within = (expr: Expr): readonly string[] => [
    ...(expr.kind === 'load_shared' ? [expr.array] : []),
    ...operandsOf(expr).flatMap(within),
  ];
  const own = statement.kind === 'load_fragment' ? [statement.array] : [];
  return [...own, ...expressionsOf(statement).flatMap(within)];
}
