/** Which index expressions are multiples of four, and a quarter of those. */
import type { Expr } from '../ir/kernel.ts';
import { add, binary, div, mod, mul, select, sub, u32 } from '../ir/kernel-expr.ts';

/** Locals, with whether each is a multiple of four: the first of four neighbours begins where memory allows a vector. */
export type Multiples = ReadonlySet<string>;

export function isMultipleOfFour(expr: Expr, multiples: Multiples): boolean {
  const is = (e: Expr): boolean => isMultipleOfFour(e, multiples);
  if (expr.kind === 'literal') return expr.type === 'u32' && expr.value % 4 === 0;
  if (expr.kind === 'local') return multiples.has(expr.name);
  if (expr.kind === 'select') return is(expr.then) && is(expr.else);
  if (expr.kind !== 'binary' || expr.type !== 'u32') return false;
  switch (expr.op) {
    case 'mul':
      return is(expr.left) || is(expr.right);
    case 'add':
    case 'sub':
    case 'mod':
    case 'min':
    case 'max':
      return is(expr.left) && is(expr.right);
    default:
      return false;
  }
}

/** A loop whose index is four times what it counts. */
export interface Counted {
  readonly index: string;
  readonly count: Expr;
  /** An expression of the index, by what is counted. */
  readonly whole: (expr: Expr) => Expr;
}

/** A quarter of a multiple of four, or in a loop of what is one at the first of each four. */
export function quarterOf(expr: Expr, multiples: Multiples, counted?: Counted): Expr {
  const whole = (e: Expr): Expr => counted?.whole(e) ?? e;
  const quarter = (e: Expr): Expr => quarterOf(e, multiples, counted);
  if (expr.kind === 'literal') return u32(expr.value / 4);
  if (expr.kind === 'local') return expr.name === counted?.index ? counted.count : div(expr, u32(4));
  if (expr.kind === 'select') return select(whole(expr.condition), quarter(expr.then), quarter(expr.else));
  if (expr.kind !== 'binary') return div(whole(expr), u32(4));
  const { op, left, right } = expr;
  switch (op) {
    case 'mul':
      return isMultipleOfFour(right, multiples) ? mul(whole(left), quarter(right)) : mul(quarter(left), whole(right));
    case 'add':
      return add(quarter(left), quarter(right));
    case 'sub':
      return sub(quarter(left), quarter(right));
    case 'mod':
      return mod(quarter(left), quarter(right));
    default:
      return binary(op, quarter(left), quarter(right));
  }
}
