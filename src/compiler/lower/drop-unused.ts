import type { Expr, Kernel, Statement } from '../ir/kernel.ts';
import { expressionsOf, mapStatement, operandsOf, walkStatements } from '../ir/kernel-walk.ts';

/** A kernel without the names that nothing reads: a lowering gives some before it knows whether it needs them. */
export function dropUnused(kernel: Kernel): Kernel {
  return {
    ...kernel,
    functions: kernel.functions.map((fn) => ({ ...fn, body: dropFrom(fn.body, fn.result) })),
    body: dropFrom(kernel.body, undefined),
  };
}

/** What names a dropped value read may be unread then, so it goes on until nothing changes. */
function dropFrom(statements: readonly Statement[], result: Expr | undefined): readonly Statement[] {
  const read = namesRead(statements, result);
  let dropped = false;
  const keep = (list: readonly Statement[]): readonly Statement[] =>
    list.flatMap((statement) => {
      if (statement.kind === 'let' && !read.has(statement.name)) {
        dropped = true;
        return [];
      }
      return [mapStatement(statement, (expr) => expr, keep)];
    });
  const kept = keep(statements);
  return dropped ? dropFrom(kept, result) : statements;
}

/** Names of locals, wherever in the body they are read; a name that several declare is kept for all of them. */
function namesRead(statements: readonly Statement[], result: Expr | undefined): ReadonlySet<string> {
  const read = new Set<string>();
  const visit = (expr: Expr): void => {
    if (expr.kind === 'local') read.add(expr.name);
    operandsOf(expr).forEach(visit);
  };
  walkStatements(statements, (statement) => expressionsOf(statement).forEach(visit));
  if (result) visit(result);
  return read;
}
