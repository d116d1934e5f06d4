import type { BinaryFunction, UnaryFunction } from '../compiler/ir/graph.ts';
import type { ScalarExpr } from '../compiler/ir/train.ts';
import { erf } from '../compiler/support/erf.ts';
import { present } from '../compiler/support/invariant.ts';

const flag = (value: boolean): number => (value ? 1 : 0);

const UNARY: { readonly [K in UnaryFunction]: (x: number) => number } = {
  neg: (x) => -x,
  exp: Math.exp,
  log: Math.log,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  erf,
  sqrt: Math.sqrt,
  rsqrt: (x) => 1 / Math.sqrt(x),
  abs: Math.abs,
  floor: Math.floor,
  acos: Math.acos,
  not: (x) => flag(x === 0),
};

const BINARY: { readonly [K in BinaryFunction]: (a: number, b: number) => number } = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  mod: (a, b) => a - b * Math.floor(a / b),
  pow: (a, b) => a ** b,
  max: Math.max,
  min: Math.min,
  eq: (a, b) => flag(a === b),
  ne: (a, b) => flag(a !== b),
  lt: (a, b) => flag(a < b),
  le: (a, b) => flag(a <= b),
  gt: (a, b) => flag(a > b),
  ge: (a, b) => flag(a >= b),
  and: (a, b) => flag(a !== 0 && b !== 0),
  or: (a, b) => flag(a !== 0 || b !== 0),
};

/** The value of a schedule at a step (counted from 0), in float64. */
export function evaluateSchedule(expr: ScalarExpr, step: number): number {
  if (expr.kind === 'number') return expr.value;
  if (expr.kind === 'step') return step;
  const { fn, args } = expr;
  const argument = (k: number): number =>
    evaluateSchedule(present(args[k], `argument ${k} of '${fn}' in a schedule`), step);
  if (fn === 'where') return argument(0) !== 0 ? argument(1) : argument(2);
  return isUnary(fn) ? UNARY[fn](argument(0)) : BINARY[fn](argument(0), argument(1));
}

function isUnary(fn: UnaryFunction | BinaryFunction): fn is UnaryFunction {
  return Object.hasOwn(UNARY, fn);
}
