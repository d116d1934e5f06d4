/**
 * Gradients of pointwise functions. At a point without a derivative: the first of equals for max and min, and 0 for abs,
 * sqrt and pow at 0, so that a norm has the gradient 0 at 0.
 */
import type { BinaryFunction, UnaryFunction, ValueId } from '../ir/graph.ts';
import type { Builder } from './builder.ts';
import { binary, mul, scalar, unary, where } from './make.ts';
import type { GradientOf } from './op-def.ts';

type UnaryRule = (b: Builder, g: ValueId, x: ValueId, y: ValueId) => ValueId;

const sub = (b: Builder, x: ValueId, y: ValueId): ValueId => binary(b, 'sub', x, y);
const div = (b: Builder, x: ValueId, y: ValueId): ValueId => binary(b, 'div', x, y);
const scaled = (b: Builder, x: ValueId, factor: number): ValueId => mul(b, x, scalar(b, factor));
const square = (b: Builder, x: ValueId): ValueId => mul(b, x, x);

/** `then` where x > 0, 0 elsewhere. */
function wherePositive(b: Builder, x: ValueId, then: ValueId): ValueId {
  return where(b, binary(b, 'gt', x, scalar(b, 0)), then, scalar(b, 0));
}

/** From the gradient g of y = fn(x) the gradient of x; undefined where it is 0 everywhere. */
export const UNARY_GRADIENT: { readonly [F in UnaryFunction]: UnaryRule | undefined } = {
  neg: (b, g) => unary(b, 'neg', g),
  exp: (b, g, _, y) => mul(b, g, y),
  log: (b, g, x) => div(b, g, x),
  sin: (b, g, x) => mul(b, g, unary(b, 'cos', x)),
  cos: (b, g, x) => unary(b, 'neg', mul(b, g, unary(b, 'sin', x))),
  tanh: (b, g, _, y) => mul(b, g, sub(b, scalar(b, 1), square(b, y))),
  erf: (b, g, x) => scaled(b, mul(b, g, unary(b, 'exp', unary(b, 'neg', square(b, x)))), 2 / Math.sqrt(Math.PI)),
  sqrt: (b, g, _, y) => wherePositive(b, y, scaled(b, div(b, g, y), 0.5)),
  rsqrt: (b, g, _, y) => scaled(b, mul(b, g, mul(b, y, square(b, y))), -0.5),
  abs: (b, g, x) => {
    const negative = where(b, binary(b, 'lt', x, scalar(b, 0)), unary(b, 'neg', g), scalar(b, 0));
    return where(b, binary(b, 'gt', x, scalar(b, 0)), g, negative);
  },
  floor: undefined,
  acos: (b, g, x) => unary(b, 'neg', mul(b, g, unary(b, 'rsqrt', sub(b, scalar(b, 1), square(b, x))))),
  not: undefined,
};

interface BinaryArgs {
  readonly g: ValueId;
  readonly x: ValueId;
  readonly y: ValueId;
  /** The result. */
  readonly r: ValueId;
}

type BinaryRule = (b: Builder, args: BinaryArgs) => readonly [GradientOf, GradientOf];

/** g goes to the side that `fn` says, the other gets 0. */
function choice(b: Builder, fn: 'ge' | 'le', { g, x, y }: BinaryArgs): readonly [GradientOf, GradientOf] {
  const first = (): ValueId => binary(b, fn, x, y);
  return [() => where(b, first(), g, scalar(b, 0)), () => where(b, first(), scalar(b, 0), g)];
}

function powBase(b: Builder, { g, x, y }: BinaryArgs): ValueId {
  const slope = mul(b, mul(b, g, y), binary(b, 'pow', x, sub(b, y, scalar(b, 1))));
  const pole = binary(b, 'and', binary(b, 'eq', x, scalar(b, 0)), binary(b, 'lt', y, scalar(b, 1)));
  return where(b, pole, scalar(b, 0), slope);
}

/** The gradients have the axes of the result; the caller sums what an operand lacks. */
export const BINARY_GRADIENT: { readonly [F in BinaryFunction]: BinaryRule | undefined } = {
  add: (_, { g }) => [() => g, () => g],
  sub: (b, { g }) => [() => g, () => unary(b, 'neg', g)],
  mul: (b, { g, x, y }) => [() => mul(b, g, y), () => mul(b, g, x)],
  div: (b, { g, y, r }) => [() => div(b, g, y), () => unary(b, 'neg', div(b, mul(b, g, r), y))],
  mod: (b, { g, x, y }) => [() => g, () => unary(b, 'neg', mul(b, g, unary(b, 'floor', div(b, x, y))))],
  pow: (b, args) => [
    () => powBase(b, args),
    () => wherePositive(b, args.x, mul(b, mul(b, args.g, args.r), unary(b, 'log', args.x))),
  ],
  max: (b, args) => choice(b, 'ge', args),
  min: (b, args) => choice(b, 'le', args),
  eq: undefined,
  ne: undefined,
  lt: undefined,
  le: undefined,
  gt: undefined,
  ge: undefined,
  and: undefined,
  or: undefined,
};

/** The gradient of x in x * x. */
export function squareGradient(b: Builder, g: ValueId, x: ValueId): ValueId {
  return mul(b, scaled(b, g, 2), x);
}
