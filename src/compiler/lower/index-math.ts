/**
 * Index arithmetic in u32.
 *
 * An index is kept as a sum of terms, each an expression times a constant. Movement ops build indices out of sums,
 * quotients and remainders that mostly cancel: a merge that follows a split, or the strides of a tensor that is read as
 * it lies. What is known about how large an expression can get removes the rest.
 */
import type { Axis, AxisId } from '../ir/graph.ts';
import { sameExpr } from '../ir/intern.ts';
import type { Expr } from '../ir/kernel.ts';
import { binary, u32 } from '../ir/kernel-expr.ts';
import { present } from '../support/invariant.ts';

/** The largest value that a local, uniform or built-in can have; a side table, because the IR has no place for it. */
const BOUNDS = new WeakMap<Expr, number>();

/** Notes that `expr` is at most `max`, and returns it. */
export function bounded(expr: Expr, max: number): Expr {
  BOUNDS.set(expr, Math.min(max, BOUNDS.get(expr) ?? Number.POSITIVE_INFINITY));
  return expr;
}

/** What a local is a multiple of, where that is known. */
const MULTIPLES = new WeakMap<Expr, number>();

/** Notes that `expr`, a local, is a multiple of `of`, and returns it. */
export function multiple(expr: Expr, of: number): Expr {
  MULTIPLES.set(expr, of);
  return expr;
}

/** The largest number that an expression is known to be a multiple of; 0 for the literal 0. */
export function multipleOf(expr: Expr): number {
  const { terms, constant } = sumOf(expr);
  return terms.reduce((n, { times }) => greatestCommonDivisor(n, times), constant);
}

export function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** The largest value that a u32 expression can have, as far as it is known. */
export function boundOf(expr: Expr): number {
  const noted = BOUNDS.get(expr);
  if (noted !== undefined) return noted;
  if (expr.kind === 'literal') return expr.value;
  if (expr.kind === 'select') return Math.max(boundOf(expr.then), boundOf(expr.else));
  if (expr.kind !== 'binary') return Number.POSITIVE_INFINITY;
  const left = boundOf(expr.left);
  const right = boundOf(expr.right);
  switch (expr.op) {
    case 'add':
      return left + right;
    case 'mul':
      return left === 0 || right === 0 ? 0 : left * right;
    case 'min':
      return Math.min(left, right);
    case 'max':
      return Math.max(left, right);
    case 'div':
      return expr.right.kind === 'literal' ? Math.floor(left / expr.right.value) : left;
    case 'mod':
      return expr.right.kind === 'literal' ? Math.min(left, expr.right.value - 1) : left;
    case 'sub':
      return expr.right.kind === 'literal' ? left - expr.right.value : left;
    default:
      return Number.POSITIVE_INFINITY;
  }
}

interface Term {
  readonly expr: Expr;
  readonly times: number;
}

interface Sum {
  readonly terms: readonly Term[];
  readonly constant: number;
}

function sumOf(expr: Expr): Sum {
  if (expr.kind === 'literal') return { terms: [], constant: expr.value };
  if (expr.kind === 'binary' && expr.op === 'add') return plus(sumOf(expr.left), sumOf(expr.right));
  if (expr.kind === 'binary' && expr.op === 'mul' && expr.right.kind === 'literal') {
    return scaled(sumOf(expr.left), expr.right.value);
  }
  const times = MULTIPLES.get(expr) ?? 1;
  if (times > 1) return { terms: [{ expr: binary('div', expr, u32(times)), times }], constant: 0 };
  return { terms: [{ expr, times: 1 }], constant: 0 };
}

function plus(a: Sum, b: Sum): Sum {
  return { terms: [...a.terms, ...b.terms], constant: a.constant + b.constant };
}

function scaled(a: Sum, times: number): Sum {
  if (times === 0) return { terms: [], constant: 0 };
  return { terms: a.terms.map((t) => ({ expr: t.expr, times: t.times * times })), constant: a.constant * times };
}

/** One term for two, where that is possible: equal ones, and x / n * n + x % n = x. */
function joined(a: Term, b: Term): Sum | undefined {
  if (sameExpr(a.expr, b.expr)) return { terms: [{ expr: a.expr, times: a.times + b.times }], constant: 0 };
  return joinedQuotient(a, b) ?? joinedQuotient(b, a);
}

/** `x / by` for any expression: itself when nothing divides it. */
function quotientOf(expr: Expr): { readonly of: Expr; readonly by: number } {
  const isQuotient = expr.kind === 'binary' && expr.op === 'div' && expr.right.kind === 'literal';
  return isQuotient && expr.right.kind === 'literal' ? { of: expr.left, by: expr.right.value } : { of: expr, by: 1 };
}

/** x / (p * n) * (n * c) + x / p % n * c = x / p * c; with x / (p * n) % m instead, it is x / p % (n * m) * c. */
function joinedQuotient(quotient: Term, remainder: Term): Sum | undefined {
  const inner = remainderOf(remainder.expr);
  if (!inner) return undefined;
  const outer = remainderOf(quotient.expr);
  const whole = quotientOf(outer?.of ?? quotient.expr);
  const part = quotientOf(inner.of);
  const isNext = whole.by === part.by * inner.by && sameExpr(whole.of, part.of);
  if (!isNext || quotient.times !== remainder.times * inner.by) return undefined;
  const joint = outer ? mod(inner.of, inner.by * outer.by) : inner.of;
  return scaled(sumOf(joint), remainder.times);
}

function remainderOf(expr: Expr): { readonly of: Expr; readonly by: number } | undefined {
  if (expr.kind !== 'binary' || expr.op !== 'mod' || expr.right.kind !== 'literal') return undefined;
  return { of: expr.left, by: expr.right.value };
}

function simplified(sum: Sum): Sum {
  for (let i = 0; i < sum.terms.length; i++) {
    for (let j = i + 1; j < sum.terms.length; j++) {
      const [a, b] = [sum.terms[i], sum.terms[j]];
      const both = a && b ? joined(a, b) : undefined;
      if (!both) continue;
      const before = sum.terms.slice(0, i);
      const rest = sum.terms.filter((_, k) => k > i && k !== j);
      return simplified({ terms: [...before, ...both.terms, ...rest], constant: sum.constant + both.constant });
    }
  }
  return sum;
}

/** A term as it is written: x / 8 * 16 of a multiple of 8 is x * 2. */
function productOf({ expr, times }: Term): Expr {
  const { of, by } = quotientOf(expr);
  const isWhole = by > 1 && (MULTIPLES.get(of) ?? 1) % by === 0;
  if (isWhole && times % by === 0) return times === by ? of : binary('mul', of, u32(times / by));
  if (isWhole && by % times === 0) return binary('div', of, u32(by / times));
  return times === 1 ? expr : binary('mul', expr, u32(times));
}

function exprOf(sum: Sum): Expr {
  const { terms, constant } = simplified(sum);
  const parts = terms.map(productOf);
  if (constant !== 0 || parts.length === 0) parts.push(u32(constant));
  return parts.reduce((a, b) => binary('add', a, b));
}

export function add(a: Expr, b: Expr): Expr {
  return exprOf(plus(sumOf(a), sumOf(b)));
}

export function mul(a: Expr, times: number): Expr {
  return exprOf(scaled(sumOf(a), times));
}

/** The sum of expressions times constants, such as indices times strides. */
export function linear(terms: readonly (readonly [Expr, number])[]): Expr {
  const empty: Sum = { terms: [], constant: 0 };
  return exprOf(terms.reduce((sum, [expr, times]) => plus(sum, scaled(sumOf(expr), times)), empty));
}

/** The terms of a sum that are multiples of `by`, divided by it, and the others. */
function divided(expr: Expr, by: number): { readonly whole: Sum; readonly rest: Sum } {
  const sum = sumOf(expr);
  const whole = sum.terms.filter((t) => t.times % by === 0).map((t) => ({ expr: t.expr, times: t.times / by }));
  const rest = sum.terms.filter((t) => t.times % by !== 0);
  return {
    whole: { terms: whole, constant: Math.floor(sum.constant / by) },
    rest: { terms: rest, constant: sum.constant % by },
  };
}

/**
 * A sum as coarse * by + fine, where `by` divides the multiples of all its terms and `count` too: what is asked of the sum
 * by `count` can be asked of `coarse` by count / by.
 */
function coarsened(expr: Expr, count: number): { readonly coarse: Expr; readonly by: number; readonly fine: number } {
  const { terms, constant } = sumOf(expr);
  const by = terms.reduce((n, { times }) => greatestCommonDivisor(n, times), count);
  const coarse = terms.map((t) => ({ expr: t.expr, times: t.times / by }));
  return { coarse: exprOf({ terms: coarse, constant: Math.floor(constant / by) }), by, fine: constant % by };
}

/** a / by, rounded down. */
export function div(a: Expr, by: number): Expr {
  if (by === 1) return a;
  const { coarse, by: common } = coarsened(a, by);
  if (common > 1) return div(coarse, by / common);
  const { whole, rest } = divided(a, by);
  const remaining = exprOf(rest);
  if (boundOf(remaining) < by) return exprOf(whole);
  return exprOf(plus(whole, { terms: [{ expr: quotient(remaining, by), times: 1 }], constant: 0 }));
}

function quotient(a: Expr, by: number): Expr {
  if (a.kind === 'binary' && a.right.kind === 'literal') {
    const n = a.right.value;
    if (a.op === 'div') return binary('div', a.left, u32(n * by));
    if (a.op === 'mod' && n % by === 0) return mod(div(a.left, by), n / by);
  }
  return binary('div', a, u32(by));
}

/** The remainder of a / by. */
export function mod(a: Expr, by: number): Expr {
  if (by === 1) return u32(0);
  const { coarse, by: common, fine } = coarsened(a, by);
  if (common > 1) return add(mul(mod(coarse, by / common), common), u32(fine));
  const remaining = exprOf(divided(a, by).rest);
  if (boundOf(remaining) < by) return remaining;
  const isFiner = remaining.kind === 'binary' && remaining.op === 'mod' && remaining.right.kind === 'literal';
  if (isFiner && remaining.right.kind === 'literal' && remaining.right.value % by === 0) return mod(remaining.left, by);
  return binary('mod', remaining, u32(by));
}

/** a, or `max` when a is larger. */
export function atMost(a: Expr, max: number): Expr {
  return boundOf(a) <= max ? a : binary('min', a, u32(max));
}

/** a - by, or 0 when a is smaller. */
export function less(a: Expr, by: number): Expr {
  if (by === 0) return a;
  const sum = sumOf(a);
  if (sum.constant >= by) return exprOf({ terms: sum.terms, constant: sum.constant - by });
  return binary('sub', binary('max', a, u32(by)), u32(by));
}

/** Whether loads read neighbours in one buffer, the first of them at a multiple of their number. */
export function areSideBySide(parts: readonly Expr[]): boolean {
  const [first] = parts;
  if (first?.kind !== 'load' || multipleOf(first.index) % parts.length !== 0) return false;
  return parts.every(
    (part, i) => part.kind === 'load' && part.buffer === first.buffer && sameExpr(part.index, add(first.index, u32(i))),
  );
}

/** The position in row-major order of `axes`, slowest first. */
export function rowMajor(axes: readonly Axis[], at: (axis: Axis) => Expr): Expr {
  let stride = 1;
  const terms: (readonly [Expr, number])[] = [];
  for (const axis of axes.toReversed()) {
    terms.push([at(axis), stride]);
    stride *= axis.size;
  }
  return linear(terms.toReversed());
}

/** The index of each of `axes` at a row-major position; the inverse of {@link rowMajor}. */
export function unravel(position: Expr, axes: readonly Axis[]): readonly Expr[] {
  const indices: Expr[] = [];
  let rest = position;
  axes.toReversed().forEach((axis, i) => {
    indices.push(i === axes.length - 1 ? rest : mod(rest, axis.size));
    rest = div(rest, axis.size);
  });
  return indices.reverse();
}

/** The index of each axis at a row-major position, which must be within bounds. */
export function indicesAt(position: Expr, axes: readonly Axis[]): ReadonlyMap<AxisId, Expr> {
  const indices = unravel(bounded(position, axes.reduce((n, axis) => n * axis.size, 1) - 1), axes);
  return new Map(axes.map((axis, i) => [axis.id, present(indices[i], 'index')]));
}
