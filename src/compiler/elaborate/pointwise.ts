/** Pointwise functions: the same on numbers while compiling and on tensors at run time. */
import type { Axis, BinaryFunction, ElementKind, UnaryFunction } from '../ir/graph.ts';
import { axesWithout, isSubset } from '../ir/tensor-type.ts';
import { erf } from '../support/erf.ts';
import { InternalError } from '../support/invariant.ts';
import type { Span } from '../support/source.ts';
import { axesText, axisLabels, axisText, textOf } from './describe.ts';
import { constant, emit, table } from './emit.ts';
import { diverge } from './lanes-type.ts';
import { refuse, type Session } from './session.ts';
import { bool, number, type Tensor, type Value, varying } from './value.ts';
import { type Constant, type Operand, wantNumber, wantOperand } from './want.ts';

interface UnaryMeaning {
  readonly onNumber: (x: number) => number;
  /** Kinds of elements that a tensor may have. */
  readonly kinds: readonly ElementKind[];
}

const FLOAT: readonly ElementKind[] = ['float'];
const NUMERIC: readonly ElementKind[] = ['float', 'int'];

export const UNARY: { readonly [K in Exclude<UnaryFunction, 'not'>]: UnaryMeaning } = {
  neg: { onNumber: (x) => -x, kinds: NUMERIC },
  exp: { onNumber: Math.exp, kinds: FLOAT },
  log: { onNumber: Math.log, kinds: FLOAT },
  sin: { onNumber: Math.sin, kinds: FLOAT },
  cos: { onNumber: Math.cos, kinds: FLOAT },
  tanh: { onNumber: Math.tanh, kinds: FLOAT },
  erf: { onNumber: erf, kinds: FLOAT },
  sqrt: { onNumber: Math.sqrt, kinds: FLOAT },
  rsqrt: { onNumber: (x) => 1 / Math.sqrt(x), kinds: FLOAT },
  abs: { onNumber: Math.abs, kinds: NUMERIC },
  floor: { onNumber: Math.floor, kinds: FLOAT },
  acos: { onNumber: Math.acos, kinds: FLOAT },
};

type Comparison = 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge';
type Arithmetic = Exclude<BinaryFunction, Comparison | 'and' | 'or'>;

const ARITHMETIC: { readonly [K in Arithmetic]: (a: number, b: number) => number } = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  mod: (a, b) => a - b * Math.floor(a / b),
  pow: (a, b) => a ** b,
  max: Math.max,
  min: Math.min,
};

const COMPARISON: { readonly [K in Comparison]: (a: number, b: number) => boolean } = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
  gt: (a, b) => a > b,
  ge: (a, b) => a >= b,
};

const isComparison = (fn: BinaryFunction): fn is Comparison => Object.hasOwn(COMPARISON, fn);
const isArithmetic = (fn: BinaryFunction): fn is Arithmetic => Object.hasOwn(ARITHMETIC, fn);

export function applyUnary(session: Session, fn: keyof typeof UNARY, x: Value, span: Span): Value {
  const operand = wantOperand(x, span);
  const { onNumber, kinds } = UNARY[fn];
  if (operand.kind === 'varying') return varying('number', operand.values.map(onNumber));
  if (operand.kind !== 'tensor') return number(onNumber(wantNumber(operand, span)));
  requireKind(operand, kinds, span);
  return emit(session, 'unary', { fn }, [operand], span);
}

/** `not x`. */
export function applyNot(session: Session, x: Value, span: Span): Value {
  const operand = wantOperand(x, span);
  if (operand.kind === 'bool') return bool(!operand.value);
  if (operand.kind === 'varying') {
    if (operand.of === 'number') refuseNumber(span);
    return varying(
      'bool',
      operand.values.map((value) => 1 - value),
    );
  }
  if (operand.kind === 'number')
    refuse('wrong-kind', { text: textOf(span), found: 'a number', wanted: 'a truth value' }, span);
  requireKind(operand, ['bool'], span);
  return emit(session, 'unary', { fn: 'not' }, [operand], span);
}

/** Both operands of a pointwise function with their places in the text. */
export interface Sides {
  readonly left: Value;
  readonly right: Value;
  readonly leftSpan: Span;
  readonly rightSpan: Span;
  readonly span: Span;
}

export function applyBinary(session: Session, fn: BinaryFunction, sides: Sides): Value {
  const a = wantOperand(sides.left, sides.leftSpan);
  const b = wantOperand(sides.right, sides.rightSpan);
  if (a.kind !== 'tensor' && b.kind !== 'tensor') return onConstants(fn, a, b, sides);
  const [x, y] = sameKind(session, a, b, sides);
  requireBinaryKind(fn, x, sides.span);
  requireAligned(session, [x, y], sides.span);
  return emit(session, 'binary', { fn }, [x, y], sides.span);
}

function onConstants(fn: BinaryFunction, a: Constant, b: Constant, sides: Sides): Value {
  if (a.kind === 'varying' || b.kind === 'varying') return onVarying(fn, a, b, sides);
  if (a.kind === 'bool' && b.kind === 'bool' && (fn === 'eq' || fn === 'ne')) {
    return bool((a.value === b.value) === (fn === 'eq'));
  }
  const [x, y] = [wantNumber(a, sides.leftSpan), wantNumber(b, sides.rightSpan)];
  if (isComparison(fn)) return bool(COMPARISON[fn](x, y));
  if (isArithmetic(fn)) return number(ARITHMETIC[fn](x, y));
  return refuseNumber(sides.leftSpan);
}

/** A value for each of the iterations that are elaborated at once. */
function onVarying(fn: BinaryFunction, a: Constant, b: Constant, sides: Sides): Value {
  const count = a.kind === 'varying' ? a.values.length : b.kind === 'varying' ? b.values.length : 0;
  const at = (operand: Constant, i: number): number =>
    operand.kind === 'varying' ? (operand.values[i] ?? Number.NaN) : Number(operand.value);
  const isBool = ({ kind, ...rest }: Constant): boolean => kind === 'bool' || ('of' in rest && rest.of === 'bool');
  const each = (f: (x: number, y: number) => number): readonly number[] =>
    Array.from({ length: count }, (_, i) => f(at(a, i), at(b, i)));
  if (isBool(a) !== isBool(b)) refuseNumber(isBool(a) ? sides.rightSpan : sides.leftSpan);
  if (fn === 'and' || fn === 'or') return varying('bool', each(fn === 'and' ? Math.min : Math.max));
  if (isComparison(fn))
    return varying(
      'bool',
      each((x, y) => Number(COMPARISON[fn](x, y))),
    );
  if (isArithmetic(fn) && !isBool(a)) return varying('number', each(ARITHMETIC[fn]));
  return refuseNumber(sides.leftSpan);
}

function refuseNumber(span: Span): never {
  refuse('wrong-kind', { text: textOf(span), found: 'a number', wanted: 'a truth value' }, span);
}

/** Both as tensors of one kind: constants take the kind of the tensor that they meet. */
function sameKind(session: Session, a: Operand, b: Operand, sides: Sides): readonly [Tensor, Tensor] {
  if (a.kind !== 'tensor' && b.kind === 'tensor') return [lift(session, a, b, sides.leftSpan), b];
  if (a.kind === 'tensor' && b.kind !== 'tensor') return [a, lift(session, b, a, sides.rightSpan)];
  if (a.kind !== 'tensor' || b.kind !== 'tensor')
    return refuse('wrong-kind', { text: textOf(sides.span), found: 'a number', wanted: 'a tensor' }, sides.span);
  const [left, right] = [a.value.type.kind, b.value.type.kind];
  if (left !== right) {
    refuse(
      'kinds-differ',
      { left: textOf(sides.leftSpan), leftKind: left, right: textOf(sides.rightSpan), rightKind: right },
      sides.span,
    );
  }
  return [a, b];
}

/** A compile-time value as a tensor that can stand beside `other`. */
export function lift(session: Session, operand: Operand, other: Tensor, span: Span): Tensor {
  if (operand.kind === 'tensor') return operand;
  const { kind } = other.value.type;
  const isBool = operand.kind === 'varying' ? operand.of === 'bool' : operand.kind === 'bool';
  if (isBool !== (kind === 'bool')) {
    refuse(
      'kinds-differ',
      { left: textOf(span), leftKind: isBool ? 'bool' : 'float', right: 'the other side', rightKind: kind },
      span,
    );
  }
  return operand.kind === 'varying'
    ? table(session, operand.values, kind, span)
    : constant(session, Number(operand.value), kind, span);
}

function requireBinaryKind(fn: BinaryFunction, operand: Tensor, span: Span): void {
  if (fn === 'and' || fn === 'or') requireKind(operand, ['bool'], span);
  else if (fn === 'div' || fn === 'pow') requireKind(operand, FLOAT, span);
  else if (fn !== 'eq' && fn !== 'ne') requireKind(operand, NUMERIC, span);
}

/** The elements of `tensor` are of one of `kinds`. */
export function requireKind(tensor: Tensor, kinds: readonly ElementKind[], span: Span): void {
  const { kind } = tensor.value.type;
  if (!kinds.includes(kind)) refuse('wrong-element-kind', { text: textOf(span), kind, wanted: kinds }, span);
}

/** One of the tensors has all axes of the others, so that each is spread in one direction only. */
export function requireAligned(session: Session, tensors: readonly Tensor[], span: Span): void {
  const axesOf = (t: Tensor): readonly Axis[] => t.value.type.axes;
  if (tensors.some((t) => tensors.every((other) => isSubset(axesOf(other), axesOf(t))))) return;
  for (const [i, a] of tensors.entries()) {
    for (const b of tensors.slice(i + 1)) requirePairAligned(session, a, b, span);
  }
  throw new InternalError('of sets that hold each other in pairs one holds all');
}

function requirePairAligned(session: Session, a: Tensor, b: Tensor, span: Span): void {
  const [left, right] = [a.value.type.axes, b.value.type.axes];
  const leftLacks = axesWithout(right, left);
  const rightLacks = axesWithout(left, right);
  if (leftLacks.length === 0 || rightLacks.length === 0) return;
  const twins = rightLacks.flatMap((x) => leftLacks.filter((y) => y.size === x.size).map((y) => [x, y] as const));
  const [twin] = twins;
  const labels = axisLabels(session, twin ? twin : [...rightLacks.slice(0, 1), ...leftLacks.slice(0, 1)]);
  if (twin && leftLacks.length === 1 && rightLacks.length === 1) {
    const [x, y] = twin;
    const params = {
      left: axisText(session, x, span),
      right: axisText(session, y, span),
      size: x.size,
      from: y.name,
      to: x.name,
    };
    refuse('axes-differ', params, span, labels);
  }
  const list = (axes: readonly Axis[]): string => axes.map((axis) => axisText(session, axis, span)).join(', ');
  refuse(
    'no-broadcast',
    { leftLacks: list(leftLacks), rightLacks: list(rightLacks), left: axesText(left), right: axesText(right) },
    span,
    labels,
  );
}

/** `where(condition, a, b)`. */
export function applyWhere(
  session: Session,
  values: readonly [Value, Value, Value],
  spans: readonly [Span, Span, Span],
  span: Span,
): Value {
  const condition = wantOperand(values[0], spans[0]);
  if (condition.kind === 'number') {
    refuse('wrong-kind', { text: textOf(spans[0]), found: 'a number', wanted: 'a truth value' }, spans[0]);
  }
  if (condition.kind === 'bool') return condition.value ? values[1] : values[2];
  if (condition.kind === 'varying') return diverge(condition.values, spans[0]);
  requireKind(condition, ['bool'], spans[0]);
  const a = wantOperand(values[1], spans[1]);
  const b = wantOperand(values[2], spans[2]);
  const left = b.kind === 'tensor' ? a : liftAlone(session, a, spans[1]);
  const [x, y] = sameKind(session, left, b, { left, right: b, leftSpan: spans[1], rightSpan: spans[2], span });
  requireAligned(session, [condition, x, y], span);
  return emit(session, 'where', {}, [condition, x, y], span);
}

/** A compile-time value as a tensor of its natural kind. */
export function liftAlone(session: Session, operand: Operand, span: Span): Tensor {
  if (operand.kind === 'tensor') return operand;
  const isBool = operand.kind === 'varying' ? operand.of === 'bool' : operand.kind === 'bool';
  const kind = isBool ? 'bool' : 'float';
  return operand.kind === 'varying'
    ? table(session, operand.values, kind, span)
    : constant(session, Number(operand.value), kind, span);
}
