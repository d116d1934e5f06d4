/**
 * Rules for pointwise ops. They keep the value of every element up to one rounding: constants are folded and joined,
 * neutral operands go, and what broadcasting does anyway is not said. Nothing is assumed of NaN or infinity, so x * 0
 * stays.
 */
import type { BinaryFunction, OpOf, TensorType, ValueId } from '../../ir/graph.ts';
import { operandOf, resultOf } from '../../ir/op-parts.ts';
import { hasAxis, sameAxes, sameType } from '../../ir/tensor-type.ts';
import { BINARY_VALUE, UNARY_VALUE } from '../../ops/pointwise.ts';
import { broadcastAxes } from '../../ops/shapes.ts';
import { made, makeExpand, makeScalar, makeUniform, type Rewriter, uniform } from './rewriter.ts';

type Rule<K extends 'unary' | 'binary' | 'where' | 'cast'> = (r: Rewriter, op: OpOf<K>) => ValueId | undefined;

const COMMUTES: ReadonlySet<BinaryFunction> = new Set<BinaryFunction>([
  'add',
  'mul',
  'max',
  'min',
  'eq',
  'ne',
  'and',
  'or',
]);

/** Whether all elements are this number. */
const is = (r: Rewriter, id: ValueId, value: number): boolean => uniform(r, id) === value;

/** `id`, if it can stand for a value of `type`. */
function instead(r: Rewriter, id: ValueId, type: TensorType): ValueId | undefined {
  return sameType(r.typeOf(id), type) ? id : undefined;
}

/** A value all of whose elements are `value`, if a kernel can write that number. */
function folded(r: Rewriter, value: number, { kind, axes }: TensorType): ValueId | undefined {
  return Math.abs(value) <= 3e38 ? makeUniform(r, value, kind, axes) : undefined;
}

export const unaryRule: Rule<'unary'> = (r, op) => {
  const x = operandOf(op, 0);
  const type = resultOf(op, 0).type;
  const value = uniform(r, x);
  if (value !== undefined) return folded(r, UNARY_VALUE[op.attrs.fn](value), type);
  const inner = made(r, x, 'unary');
  const { fn } = op.attrs;
  if ((fn === 'neg' || fn === 'not') && inner?.attrs.fn === fn) return operandOf(inner, 0);
  const positive = fn === 'neg' ? negationOf(r, x, type) : undefined;
  if (positive !== undefined && sameType(r.typeOf(positive), type)) return positive;
  return beforeSpreading(r, op.operands, type, (operands) => r.make('unary', { fn }, operands));
};

/** The rule for each function, from its operands; undefined where nothing is to be done. */
const NEUTRAL: { readonly [F in BinaryFunction]?: (r: Rewriter, x: ValueId, y: ValueId) => ValueId | undefined } = {
  add: (r, x, y) => (is(r, y, 0) ? x : undefined),
  sub: (r, x, y) => (is(r, y, 0) ? x : undefined),
  mul: (r, x, y) => (is(r, y, 1) ? x : undefined),
  div: (r, x, y) => (is(r, y, 1) ? x : undefined),
  pow: (r, x, y) => powerOf(r, x, uniform(r, y)),
  max: (_, x, y) => (x === y ? x : undefined),
  min: (_, x, y) => (x === y ? x : undefined),
  and: (r, x, y) => (is(r, y, 1) ? x : undefined),
  or: (r, x, y) => (is(r, y, 0) ? x : undefined),
};

function powerOf(r: Rewriter, x: ValueId, exponent: number | undefined): ValueId | undefined {
  switch (exponent) {
    case 1:
      return x;
    case 2:
      return r.make('binary', { fn: 'mul' }, [x, x]);
    case 3:
      return r.make('binary', { fn: 'mul' }, [r.make('binary', { fn: 'mul' }, [x, x]), x]);
    case 0.5:
      return r.make('unary', { fn: 'sqrt' }, [x]);
    case -0.5:
      return r.make('unary', { fn: 'rsqrt' }, [x]);
    case -1:
      return r.make('binary', { fn: 'div' }, [makeScalar(r, 1, 'float'), x]);
    default:
      return undefined;
  }
}

/** The operand of a negation. */
function negated(r: Rewriter, id: ValueId): ValueId | undefined {
  const op = made(r, id, 'unary');
  return op?.attrs.fn === 'neg' ? operandOf(op, 0) : undefined;
}

/** Signs go outwards, into constants, sums and differences. */
function signRule(r: Rewriter, fn: BinaryFunction, x: ValueId, y: ValueId): ValueId | undefined {
  const [left, right] = [negated(r, x), negated(r, y)];
  switch (fn) {
    case 'add':
      return right === undefined ? undefined : r.make('binary', { fn: 'sub' }, [x, right]);
    case 'sub':
      return right === undefined ? undefined : r.make('binary', { fn: 'add' }, [x, right]);
    case 'mul':
    case 'div': {
      if (left === undefined && right === undefined) return undefined;
      const unsigned = r.make('binary', { fn }, [left ?? x, right ?? y]);
      return left === undefined || right === undefined ? r.make('unary', { fn: 'neg' }, [unsigned]) : unsigned;
    }
    default:
      return undefined;
  }
}

/** The negation of a difference or of a multiple, without a negation. */
function negationOf(r: Rewriter, x: ValueId, type: TensorType): ValueId | undefined {
  const inner = made(r, x, 'binary');
  if (inner?.attrs.fn === 'sub') {
    const turned = [operandOf(inner, 1), operandOf(inner, 0)];
    return broadcastsTo(r, turned, type) ? r.make('binary', { fn: 'sub' }, turned) : undefined;
  }
  const factor = inner?.attrs.fn === 'mul' ? uniform(r, operandOf(inner, 1)) : undefined;
  if (!inner || factor === undefined) return undefined;
  return r.make('binary', { fn: 'mul' }, [operandOf(inner, 0), makeScalar(r, -factor, type.kind)]);
}

/** (x * c) * d is x * (c * d). */
function joinFactors(r: Rewriter, fn: BinaryFunction, x: ValueId, y: ValueId): ValueId | undefined {
  const inner = made(r, x, 'binary');
  const outer = uniform(r, y);
  if (fn !== 'mul' || inner?.attrs.fn !== 'mul' || outer === undefined) return undefined;
  const factor = uniform(r, operandOf(inner, 1));
  if (factor === undefined || r.typeOf(y).kind !== 'float') return undefined;
  return r.make('binary', { fn: 'mul' }, [operandOf(inner, 0), makeScalar(r, factor * outer, 'float')]);
}

/** `operands` without what broadcasting to `type` does anyway: expansions and orders of axes. */
function withoutSpreading(r: Rewriter, operands: readonly ValueId[], type: TensorType): readonly ValueId[] {
  return operands.reduce((given, _, i) => {
    for (let slim = given; ; ) {
      const maker = r.definition(slim[i] ?? operandOf({ kind: 'pointwise op', operands: slim }, i));
      if (maker?.kind !== 'expand' && maker?.kind !== 'permute') return slim;
      const next = slim.map((id, k) => (k === i ? operandOf(maker, 0) : id));
      if (!broadcastsTo(r, next, type)) return slim;
      slim = next;
    }
  }, operands);
}

function broadcastsTo(r: Rewriter, operands: readonly ValueId[], type: TensorType): boolean {
  const types = operands.map(r.typeOf);
  const widest = types.some((t) => t.axes.length === type.axes.length);
  return widest && sameAxes(broadcastAxes(types), type.axes);
}

/**
 * What a pointwise op makes of values of which only one has the axes `spread.attrs.axes`, because it was expanded to
 * them: it is done before the expansion. `redo` makes the op from other operands.
 */
function beforeSpreading(
  r: Rewriter,
  operands: readonly ValueId[],
  type: TensorType,
  redo: (operands: readonly ValueId[]) => ValueId,
): ValueId | undefined {
  const place = operands.findIndex((id) => r.typeOf(id).axes.length === type.axes.length);
  const spread = made(r, operands[place] ?? operandOf({ kind: 'pointwise op', operands }, place), 'expand');
  if (!spread) return undefined;
  const { axes } = spread.attrs;
  const others = operands.filter((_, i) => i !== place);
  if (others.some((id) => r.typeOf(id).axes.some((axis) => hasAxis(axes, axis.id)))) return undefined;
  const source = operandOf(spread, 0);
  const narrow = operands.map((id, i) => (i === place ? source : id));
  if (!broadcastsTo(r, narrow, r.typeOf(source))) return undefined;
  return makeExpand(r, redo(narrow), axes);
}

const changed = (before: readonly ValueId[], after: readonly ValueId[]): boolean =>
  before.some((id, i) => id !== after[i]);

export const binaryRule: Rule<'binary'> = (r, op) => {
  const { fn } = op.attrs;
  const { type } = resultOf(op, 0);
  const [x, y] = [operandOf(op, 0), operandOf(op, 1)];
  const [left, right] = [uniform(r, x), uniform(r, y)];
  if (left !== undefined && right !== undefined) return folded(r, BINARY_VALUE[fn](left, right), type);
  const slim = withoutSpreading(r, op.operands, type);
  if (changed(op.operands, slim)) return r.make('binary', { fn }, slim);
  if (left !== undefined && COMMUTES.has(fn) && broadcastsTo(r, [y, x], type)) return r.make('binary', { fn }, [y, x]);
  const simpler = NEUTRAL[fn]?.(r, x, y) ?? signRule(r, fn, x, y) ?? joinFactors(r, fn, x, y);
  if (simpler !== undefined && sameType(r.typeOf(simpler), type)) return simpler;
  return beforeSpreading(r, op.operands, type, (operands) => r.make('binary', { fn }, operands));
};

export const whereRule: Rule<'where'> = (r, op) => {
  const { type } = resultOf(op, 0);
  const slim = withoutSpreading(r, op.operands, type);
  if (changed(op.operands, slim)) return r.make('where', {}, slim);
  const [then, otherwise] = [operandOf(op, 1), operandOf(op, 2)];
  const condition = uniform(r, operandOf(op, 0));
  if (condition !== undefined) return instead(r, condition ? then : otherwise, type);
  if (then === otherwise) return instead(r, then, type);
  return beforeSpreading(r, op.operands, type, (operands) => r.make('where', {}, operands));
};

export const castRule: Rule<'cast'> = (r, op) => {
  const x = operandOf(op, 0);
  const { type } = resultOf(op, 0);
  if (r.typeOf(x).kind === op.attrs.to) return x;
  const value = uniform(r, x);
  if (value === undefined) return beforeSpreading(r, [x], type, (operands) => r.make('cast', op.attrs, operands));
  const converted = { float: value, int: Math.trunc(value), bool: Number(value !== 0) }[op.attrs.to];
  return makeUniform(r, converted, type.kind, type.axes);
};
