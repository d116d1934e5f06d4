import type { Division } from '../diagnostics/language-values.ts';
import type { Expr } from '../syntax/ast.ts';
import { textOf } from './describe.ts';
import type { Scope } from './session.ts';
import type { Value } from './value.ts';

/** The parts of an expression that is a division of numbers, for the message that it leaves a fraction. */
export function divisionOf(expr: Expr, scope: Scope): Division | undefined {
  if (expr.kind !== 'binary' || expr.operator !== '/') return undefined;
  const { evaluate } = scope.frame.session.language;
  const [dividend, divisor] = [numberIn(evaluate(expr.left, scope)), numberIn(evaluate(expr.right, scope))];
  if (dividend === undefined || divisor === undefined) return undefined;
  return { dividend, divisor, dividendText: textOf(expr.left.span), divisorText: textOf(expr.right.span) };
}

function numberIn(value: Value): number | undefined {
  if (value.kind === 'axis') return value.axis.size;
  return value.kind === 'number' ? value.value : undefined;
}
