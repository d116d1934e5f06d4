/** Scalar expressions of graph values: literals that f32 can hold, and arithmetic with what is constant folded. */
import type { BinaryFunction, ElementKind, UnaryFunction } from '../ir/graph.ts';
import type { BinaryOp, Expr, ScalarType } from '../ir/kernel.ts';
import { binary, bool, cast, f32, unary } from '../ir/kernel-expr.ts';

/** How a scalar of each kind is typed in registers. */
export const SCALAR: Readonly<Record<ElementKind, ScalarType>> = { float: 'f32', int: 'i32', bool: 'bool' };

/** The largest finite f32. Kernels hold no infinity: `max` starts from its negative. */
export const F32_MAX = 3.4028234663852886e38;

/**
 * A literal of the type. A float is rounded to f32; what f32 cannot hold becomes the largest number that it can, and what
 * is no number becomes what makes none when it runs.
 */
export function literal(type: ScalarType, value: number): Expr {
  if (Number.isNaN(value)) return cast(type, unary('sqrt', f32(-1)));
  if (type === 'bool') return bool(value !== 0);
  if (type !== 'f32') return { kind: 'literal', type, value };
  return f32(Math.max(-F32_MAX, Math.min(F32_MAX, Math.fround(value))));
}

const UNARY: Readonly<Partial<Record<UnaryFunction, (x: number) => number>>> = {
  neg: (x) => -x,
  exp: Math.exp,
  log: Math.log,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  sqrt: Math.sqrt,
  rsqrt: (x) => 1 / Math.sqrt(x),
  abs: Math.abs,
  floor: Math.floor,
};

/** A function of a scalar. That of a literal is computed here: a shader compiler would refuse one that overflows. */
export function applyUnary(fn: UnaryFunction, x: Expr): Expr {
  const compute = UNARY[fn];
  if (x.kind === 'literal' && x.type === 'f32' && compute) {
    const value = compute(x.value);
    if (!Number.isNaN(value)) return literal('f32', value);
  }
  return unary(fn, x);
}

const BINARY: Readonly<Partial<Record<BinaryOp, (a: number, b: number) => number>>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
};

/** A function of two scalars; adding 0 and multiplying or dividing by 1 do nothing. */
export function applyBinary(fn: BinaryFunction, a: Expr, b: Expr): Expr {
  if (a.type !== 'f32' || b.type !== 'f32') return binary(fn, a, b);
  const compute = BINARY[fn];
  if (a.kind === 'literal' && b.kind === 'literal' && compute) {
    const value = compute(a.value, b.value);
    if (!Number.isNaN(value)) return literal('f32', value);
  }
  if (isLiteral(b, 0) && (fn === 'add' || fn === 'sub')) return a;
  if (isLiteral(b, 1) && (fn === 'mul' || fn === 'div')) return a;
  if (isLiteral(a, 0) && fn === 'add') return b;
  if (isLiteral(a, 1) && fn === 'mul') return b;
  return binary(fn, a, b);
}

function isLiteral(expr: Expr, value: number): boolean {
  return expr.kind === 'literal' && expr.value === value;
}
