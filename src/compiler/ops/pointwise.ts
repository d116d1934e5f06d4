/** Ops that work at one element. */
import type { BinaryFunction, ElementKind, OpName, TensorType, UnaryFunction, ValueId } from '../ir/graph.ts';
import { operandOf, resultOf } from '../ir/op-parts.ts';
import { tensor, withAxes } from '../ir/tensor-type.ts';
import { erf } from '../support/erf.ts';
import { invariant, present } from '../support/invariant.ts';
import type { Builder } from './builder.ts';
import { conform, scalar, where } from './make.ts';
import type { EvaluateContext, GradientOf, OpDef } from './op-def.ts';
import { BINARY_GRADIENT, squareGradient, UNARY_GRADIENT } from './pointwise-gradient.ts';
import { broadcastAxes, operandType, requireKind } from './shapes.ts';
import { aligned } from './strided.ts';

const INT_UNARY: readonly UnaryFunction[] = ['neg', 'abs'];
const COMPARISONS: readonly BinaryFunction[] = ['eq', 'ne', 'lt', 'le', 'gt', 'ge'];

/** The value of a function at a point. Booleans are 0 and 1. */
export const UNARY_VALUE: { readonly [F in UnaryFunction]: (x: number) => number } = {
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
  not: (x) => 1 - x,
};

/** `mod` has the sign of the divisor. */
export const BINARY_VALUE: { readonly [F in BinaryFunction]: (x: number, y: number) => number } = {
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  div: (x, y) => x / y,
  mod: (x, y) => x - y * Math.floor(x / y),
  pow: (x, y) => x ** y,
  max: Math.max,
  min: Math.min,
  eq: (x, y) => Number(x === y),
  ne: (x, y) => Number(x !== y),
  lt: (x, y) => Number(x < y),
  le: (x, y) => Number(x <= y),
  gt: (x, y) => Number(x > y),
  ge: (x, y) => Number(x >= y),
  and: (x, y) => x * y,
  or: Math.max,
};

function unaryKinds(fn: UnaryFunction): readonly ElementKind[] {
  if (fn === 'not') return ['bool'];
  return INT_UNARY.includes(fn) ? ['float', 'int'] : ['float'];
}

function binaryKinds(fn: BinaryFunction): readonly ElementKind[] {
  if (fn === 'and' || fn === 'or') return ['bool'];
  if (fn === 'eq' || fn === 'ne') return ['float', 'int', 'bool'];
  return fn === 'div' || fn === 'pow' ? ['float'] : ['float', 'int'];
}

function binaryType(fn: BinaryFunction, a: TensorType, b: TensorType): TensorType {
  requireKind(a, ...binaryKinds(fn));
  requireKind(b, a.kind);
  const axes = broadcastAxes([a, b]);
  return COMPARISONS.includes(fn) ? tensor('bool', axes) : withAxes(a, axes);
}

/** `make` for an operand that was broadcast: its gradient is summed over the axes that the operand lacks. */
function narrowed(b: Builder, operand: ValueId, make: GradientOf): GradientOf {
  return () => conform(b, make(), b.typeOf(operand).axes);
}

/** The operands, each with an element for every element of the result. */
function spread<K extends OpName>({ operands, results }: EvaluateContext<K>): readonly Float64Array[] {
  const { axes } = present(results[0], 'a result');
  return operands.map((x) => aligned(x, axes));
}

export const pointwise: { readonly [K in 'unary' | 'binary' | 'where' | 'cast']: OpDef<K> } = {
  unary: {
    infer: (c) => {
      const type = operandType(c, 0);
      requireKind(type, ...unaryKinds(c.attrs.fn));
      return [type];
    },
    vjp: ({ b, op, gradients: [g] }) => {
      const rule = UNARY_GRADIENT[op.attrs.fn];
      const [x, y] = [operandOf(op, 0), resultOf(op, 0).id];
      return rule ? [() => rule(b, present(g, 'a gradient'), x, y)] : [];
    },
    evaluate: (c) => {
      const fn = UNARY_VALUE[c.attrs.fn];
      return c.operands.map(({ data }) => data.map((x) => fn(x)));
    },
  },
  binary: {
    infer: (c) => [binaryType(c.attrs.fn, operandType(c, 0), operandType(c, 1))],
    vjp: ({ b, op, gradients }) => {
      const rule = BINARY_GRADIENT[op.attrs.fn];
      if (!rule) return [];
      const [x, y] = [operandOf(op, 0), operandOf(op, 1)];
      if (op.attrs.fn === 'mul' && x === y) return [() => squareGradient(b, present(gradients[0], 'a gradient'), x)];
      const [dx, dy] = rule(b, { g: present(gradients[0], 'a gradient'), x, y, r: resultOf(op, 0).id });
      return [narrowed(b, x, dx), narrowed(b, y, dy)];
    },
    evaluate: (c) => {
      const fn = BINARY_VALUE[c.attrs.fn];
      const [x, y] = spread(c);
      const other = present(y, 'operand');
      return [present(x, 'operand').map((value, i) => fn(value, other[i] ?? Number.NaN))];
    },
  },
  where: {
    infer: (c) => {
      invariant(c.operands.length === 3, 'where has three operands');
      requireKind(operandType(c, 0), 'bool');
      requireKind(operandType(c, 2), operandType(c, 1).kind);
      return [withAxes(operandType(c, 1), broadcastAxes(c.operands))];
    },
    vjp: ({ b, op, gradients: [g] }) => {
      const [condition, then, otherwise] = [operandOf(op, 0), operandOf(op, 1), operandOf(op, 2)];
      const gradient = present(g, 'a gradient');
      return [
        undefined,
        narrowed(b, then, () => where(b, condition, gradient, scalar(b, 0))),
        narrowed(b, otherwise, () => where(b, condition, scalar(b, 0), gradient)),
      ];
    },
    evaluate: (c) => {
      const [condition, then, otherwise] = spread(c);
      const [yes, no] = [present(then, 'operand'), present(otherwise, 'operand')];
      return [present(condition, 'operand').map((test, i) => (test ? yes[i] : no[i]) ?? Number.NaN)];
    },
  },
  /** To int towards zero; to bool whether it is not 0. */
  cast: {
    infer: (c) => [tensor(c.attrs.to, operandType(c, 0).axes)],
    vjp: ({ b, op, gradients: [g] }) => {
      const from = b.typeOf(operandOf(op, 0)).kind;
      return from === 'float' && op.attrs.to === 'float' ? [() => present(g, 'a gradient')] : [];
    },
    evaluate: (c) => {
      const convert: { readonly [K in ElementKind]: (x: number) => number } = {
        float: (x) => x,
        int: Math.trunc,
        bool: (x) => Number(x !== 0),
      };
      return c.operands.map(({ data }) => data.map((x) => convert[c.attrs.to](x)));
    },
  },
};
