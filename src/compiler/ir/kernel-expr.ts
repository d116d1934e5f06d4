/**
 * Makers of Kernel IR expressions. Arithmetic on literals is folded and neutral operands vanish, so that lowerings may
 * write index formulas as they think of them and readers see what is left.
 */
import { present } from '../support/invariant.ts';
import type { BinaryOp, Expr, KernelType, ScalarType, UnaryOp } from './kernel.ts';

export function u32(value: number): Expr {
  return { kind: 'literal', type: 'u32', value };
}

export function i32(value: number): Expr {
  return { kind: 'literal', type: 'i32', value };
}

export function f32(value: number): Expr {
  return { kind: 'literal', type: 'f32', value };
}

export function bool(value: boolean): Expr {
  return { kind: 'literal', type: 'bool', value: value ? 1 : 0 };
}

export function local(name: string, type: KernelType): Expr {
  return { kind: 'local', type, name };
}

export function uniform(name: string, type: ScalarType): Expr {
  return { kind: 'uniform', type, name };
}

export function builtin(name: 'group' | 'local' | 'subgroup_lane'): Expr {
  return { kind: 'builtin', type: 'u32', name };
}

/** Four numbers, or one for all four. */
export function vector(parts: readonly Expr[]): Expr {
  return { kind: 'vector', type: 'vec4', parts };
}

export function component(of: Expr, index: 0 | 1 | 2 | 3): Expr {
  return { kind: 'component', type: 'f32', vector: of, index };
}

export function load(buffer: string, type: ScalarType, index: Expr): Expr {
  return { kind: 'load', type, buffer, index };
}

export function unary(op: UnaryOp, operand: Expr): Expr {
  return { kind: 'unary', type: op === 'is_nonfinite' ? 'u32' : operand.type, op, operand };
}

export function cast(type: ScalarType, operand: Expr): Expr {
  return operand.type === type ? operand : { kind: 'cast', type, operand };
}

export function select(condition: Expr, then: Expr, otherwise: Expr): Expr {
  if (condition.kind === 'literal') return condition.value ? then : otherwise;
  return { kind: 'select', type: then.type, condition, then, else: otherwise };
}

const COMPARISONS: ReadonlySet<BinaryOp> = new Set(['eq', 'ne', 'lt', 'le', 'gt', 'ge']);

/** An operation as it stands; a comparison gives bool, arithmetic of a vector and a number a vector. */
export function binary(op: BinaryOp, left: Expr, right: Expr): Expr {
  const type = right.type === 'vec4' ? 'vec4' : left.type;
  return { kind: 'binary', type: COMPARISONS.has(op) ? 'bool' : type, op, left, right };
}

function isLiteral(e: Expr, value: number): boolean {
  return e.kind === 'literal' && e.value === value;
}

/** Index arithmetic on u32, exact, so that it may be folded. */
function fold(op: BinaryOp, left: Expr, right: Expr, compute: (a: number, b: number) => number): Expr {
  if (left.kind === 'literal' && right.kind === 'literal' && left.type === 'u32') {
    const value = compute(left.value, right.value);
    if (value >= 0 && value < 2 ** 32) return u32(value);
  }
  return binary(op, left, right);
}

export function add(left: Expr, right: Expr): Expr {
  if (left.type === 'u32' && isLiteral(left, 0)) return right;
  if (right.type === 'u32' && isLiteral(right, 0)) return left;
  return fold('add', left, right, (a, b) => a + b);
}

export function sub(left: Expr, right: Expr): Expr {
  if (right.type === 'u32' && isLiteral(right, 0)) return left;
  return fold('sub', left, right, (a, b) => a - b);
}

export function mul(left: Expr, right: Expr): Expr {
  if (left.type === 'u32') {
    if (isLiteral(left, 0) || isLiteral(right, 1)) return left;
    if (isLiteral(right, 0) || isLiteral(left, 1)) return right;
  }
  return fold('mul', left, right, (a, b) => a * b);
}

/** Whole division of u32. */
export function div(left: Expr, right: Expr): Expr {
  if (left.type === 'u32' && (isLiteral(left, 0) || isLiteral(right, 1))) return left;
  return fold('div', left, right, (a, b) => Math.floor(a / b));
}

export function mod(left: Expr, right: Expr): Expr {
  if (left.type === 'u32' && isLiteral(right, 1)) return u32(0);
  return fold('mod', left, right, (a, b) => a % b);
}

export function min(left: Expr, right: Expr): Expr {
  return fold('min', left, right, Math.min);
}

export function lt(left: Expr, right: Expr): Expr {
  if (left.kind === 'literal' && right.kind === 'literal') return bool(left.value < right.value);
  return binary('lt', left, right);
}

export function and(left: Expr, right: Expr): Expr {
  if (left.kind === 'literal') return left.value ? right : left;
  if (right.kind === 'literal') return right.value ? left : right;
  return binary('and', left, right);
}

/** The sum of all, in order. */
export function sumOf(terms: readonly Expr[]): Expr {
  if (terms.length === 0) return u32(0);
  return terms.slice(1).reduce(add, present(terms[0], 'a first term'));
}
