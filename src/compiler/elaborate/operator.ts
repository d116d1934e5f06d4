/** The operators of expressions, on every kind of value that they have a meaning for. */
import type { BinaryFunction } from '../ir/graph.ts';
import type { Span } from '../support/source.ts';
import type { BinaryOperator, Expr } from '../syntax/ast.ts';
import { textOf, valueText } from './describe.ts';
import { scaleInit } from './init.ts';
import { diverge } from './lanes-type.ts';
import { applyBinary, applyNot, applyUnary, type Sides } from './pointwise.ts';
import { refuse, type Scope, type Session } from './session.ts';
import { bool, type Value } from './value.ts';
import { wantNumber } from './want.ts';

type Pointwise = Exclude<BinaryOperator, 'and' | 'or'>;

const FUNCTIONS: { readonly [K in Pointwise]: BinaryFunction } = {
  '+': 'add',
  '-': 'sub',
  '*': 'mul',
  '/': 'div',
  '%': 'mod',
  '^': 'pow',
  '==': 'eq',
  '!=': 'ne',
  '<': 'lt',
  '<=': 'le',
  '>': 'gt',
  '>=': 'ge',
};

type BinaryExpr = Extract<Expr, { kind: 'binary' }>;

export function evaluateUnary(expr: Extract<Expr, { kind: 'unary' }>, scope: Scope): Value {
  const { session } = scope.frame;
  const operand = session.language.evaluate(expr.operand, scope);
  return expr.operator === 'not'
    ? applyNot(session, operand, expr.span)
    : applyUnary(session, 'neg', operand, expr.span);
}

export function evaluateBinary(expr: BinaryExpr, scope: Scope): Value {
  const { session } = scope.frame;
  const { operator } = expr;
  const left = session.language.evaluate(expr.left, scope);
  if (operator === 'and' || operator === 'or') return evaluateLogic(operator, left, expr, scope);
  const right = session.language.evaluate(expr.right, scope);
  const sides: Sides = { left, right, leftSpan: expr.left.span, rightSpan: expr.right.span, span: expr.span };
  if (left.kind === 'init' || right.kind === 'init') return initArithmetic(operator, sides);
  if (operator === '==' || operator === '!=') return equality(session, operator, sides);
  return applyBinary(session, FUNCTIONS[operator], sides);
}

/** `and` and `or` look at their right side only when the left one does not decide. */
function evaluateLogic(operator: 'and' | 'or', left: Value, expr: BinaryExpr, scope: Scope): Value {
  const { session } = scope.frame;
  const decides = operator === 'or';
  if (left.kind === 'bool' && left.value === decides) return left;
  const right = session.language.evaluate(expr.right, scope);
  if (left.kind === 'bool' && (right.kind === 'bool' || right.kind === 'tensor' || right.kind === 'varying'))
    return right;
  if (left.kind === 'tensor' && right.kind === 'varying') diverge(right.values, expr.right.span);
  if (left.kind === 'varying' && right.kind === 'tensor') diverge(left.values, expr.left.span);
  if (left.kind === 'tensor' && right.kind === 'bool') return right.value === decides ? right : left;
  return applyBinary(session, operator, {
    left,
    right,
    leftSpan: expr.left.span,
    rightSpan: expr.right.span,
    span: expr.span,
  });
}

/** Equality is defined for all simple values; of tensors it is pointwise. */
function equality(session: Session, operator: '==' | '!=', sides: Sides): Value {
  const { left, right } = sides;
  const simple = (v: Value): boolean => v.kind === 'string' || v.kind === 'none';
  if (simple(left) || simple(right)) {
    const same =
      left.kind === right.kind && !(left.kind === 'string' && right.kind === 'string' && left.value !== right.value);
    return bool(same === (operator === '=='));
  }
  return applyBinary(session, FUNCTIONS[operator], sides);
}

/** A distribution may be scaled: `0.5 * normal(s)`, `init / 2`. */
function initArithmetic(operator: BinaryOperator, sides: Sides): Value {
  const { left, right } = sides;
  if (operator === '*' && left.kind === 'init') return scaled(left, right, sides.rightSpan);
  if (operator === '*' && right.kind === 'init') return scaled(right, left, sides.leftSpan);
  if (operator === '/' && left.kind === 'init') {
    return { kind: 'init', init: scaleInit(left.init, 1 / wantNumber(right, sides.rightSpan)) };
  }
  return refuse(
    'wrong-kind',
    { text: textOf(sides.span), found: valueText(left), wanted: 'a distribution times a number' },
    sides.span,
  );
}

function scaled(init: Extract<Value, { kind: 'init' }>, factor: Value, span: Span): Value {
  return { kind: 'init', init: scaleInit(init.init, wantNumber(factor, span)) };
}
