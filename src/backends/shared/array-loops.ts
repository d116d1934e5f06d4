import type { Expr, Statement } from '../../compiler/ir/kernel.ts';
import { expressionsOf, operandsOf, walkStatements } from '../../compiler/ir/kernel-walk.ts';

/** Whether a loop, whose passes can be counted, chooses elements of local arrays by its index. */
export function indexesArrays({ name, from, to, step, body }: Extract<Statement, { kind: 'for' }>): boolean {
  if (![from, to, step].every((bound) => bound.kind === 'literal')) return false;
  let found = false;
  /** The index, and what is computed from it. */
  const names = new Set([name]);
  const visit = (expr: Expr): void => {
    found ||= expr.kind === 'element' && mentions(expr.index, names);
    operandsOf(expr).forEach(visit);
  };
  walkStatements(body, (statement) => {
    if (statement.kind === 'let' && mentions(statement.value, names)) names.add(statement.name);
    found ||= statement.kind === 'assign_element' && mentions(statement.index, names);
    const hasFirst = statement.kind === 'multiply_fragments' || statement.kind === 'round_fragment';
    found ||= hasFirst && mentions(statement.first, names);
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

function mentions(expr: Expr, names: ReadonlySet<string>): boolean {
  if (expr.kind === 'local') return names.has(expr.name);
  return operandsOf(expr).some((operand) => mentions(operand, names));
}
