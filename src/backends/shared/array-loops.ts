import type { Expr, Statement } from '../../compiler/ir/kernel.ts';
import { expressionsOf, operandsOf, walkStatements } from '../../compiler/ir/kernel-walk.ts';

/** Whether a loop, whose passes can be counted, chooses elements of local arrays by its index. */
export function indexesArrays({ name, from, to, step, body }: Extract<Statement, { kind: 'for' }>): boolean {
  if (![from, to, step].every((bound) => bound.kind === 'literal')) return false;
  let found = false;
  const visit = (expr: Expr): void => {
    found ||= expr.kind === 'element' && mentions(expr.index, name);
    operandsOf(expr).forEach(visit);
  };
  walkStatements(body, (statement) => {
    found ||= statement.kind === 'assign_element' && mentions(statement.index, name);
    found ||= statement.kind === 'multiply_fragments' && mentions(statement.first, name);
    expressionsOf(statement).forEach(visit);
  });
  return found;
}

/** Floats of all local arrays that statements declare. */
export function arrayFloats(statements: readonly Statement[]): number {
  let floats = 0;
  walkStatements(statements, (statement) => {
    if (statement.kind === 'array') floats += statement.elements * (statement.type === 'vec4' ? 4 : 1);
  });
  return floats;
}

function mentions(expr: Expr, name: string): boolean {
  return (expr.kind === 'local' && expr.name === name) || operandsOf(expr).some((operand) => mentions(operand, name));
}
