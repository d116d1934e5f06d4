/** Reductions, and what is made of them. */
import type { Axis } from '../../ir/graph.ts';
import { elementsOf } from '../../ir/tensor-type.ts';
import type { Span } from '../../support/source.ts';
import { constant, emit } from '../emit.ts';
import { applyBinary, type applyUnary, lift, requireAligned, requireKind } from '../pointwise.ts';
import { refuse, type Session } from '../session.ts';
import type { Tensor } from '../value.ts';
import { wantTensor } from '../want.ts';
import { argument, axesArgument, axisArgument, type BuiltinCall, type BuiltinTable } from './builtin.ts';

/** Short ways to say ops on tensors that are known to fit. */
export interface Maker {
  readonly unary: (fn: Parameters<typeof applyUnary>[1], x: Tensor) => Tensor;
  readonly binary: (fn: Parameters<typeof applyBinary>[1], a: Tensor, b: Tensor | number) => Tensor;
  readonly where: (condition: Tensor, a: Tensor, b: Tensor | number) => Tensor;
  readonly sum: (x: Tensor, axes: readonly Axis[]) => Tensor;
  readonly max: (x: Tensor, axes: readonly Axis[]) => Tensor;
  readonly stop: (x: Tensor) => Tensor;
  readonly float: (x: Tensor) => Tensor;
}

export function makerOf(session: Session, span: Span): Maker {
  const tensor = (x: Tensor | number, other: Tensor): Tensor =>
    typeof x === 'number' ? lift(session, { kind: 'number', value: x }, other, span) : x;
  const ids = (axes: readonly Axis[]) => axes.map((axis) => axis.id);
  return {
    unary: (fn, x) => emit(session, 'unary', { fn }, [x], span),
    binary: (fn, a, b) => emit(session, 'binary', { fn }, [a, tensor(b, a)], span),
    where: (condition, a, b) => emit(session, 'where', {}, [condition, a, tensor(b, a)], span),
    sum: (x, axes) => (axes.length === 0 ? x : emit(session, 'sum', { axes: ids(axes) }, [x], span)),
    max: (x, axes) => (axes.length === 0 ? x : emit(session, 'max', { axes: ids(axes) }, [x], span)),
    stop: (x) => emit(session, 'stop_gradient', {}, [x], span),
    float: (x) => emit(session, 'cast', { to: 'float' }, [x], span),
  };
}

interface Reduced {
  readonly x: Tensor;
  readonly axes: readonly Axis[];
  readonly make: Maker;
}

function reduced(call: BuiltinCall, kinds: readonly ('float' | 'int')[] = ['float']): Reduced {
  const { value, span } = argument(call, 'x');
  const x = wantTensor(value, span);
  requireKind(x, kinds, span);
  return { x, axes: axesArgument(call, 'over', x, span), make: makerOf(call.session, call.span) };
}

/** The mean over `axes`. Over sequences of a batch it is the mean over all micro-batches of the step. */
function mean(call: BuiltinCall): Tensor {
  const { x, axes, make } = reduced(call);
  const mask = call.given.get('where');
  if (mask) return maskedMean(call, x, axes, wantTensor(mask.value, mask.span), mask.span);
  const size = elementsOf(axes);
  const sum = make.sum(x, axes);
  const count = constant(call.session, size, 'float', call.span);
  if (!overBatch(call.session, axes)) return make.binary('div', sum, count);
  const mean = make.binary('div', sum, emit(call.session, 'step_total', {}, [count], call.span));
  return { ...mean, mean: { sum: sum.value.id, count: count.value.id } };
}

/** The mean of the elements that `mask` selects; 0 when there is none. */
function maskedMean(call: BuiltinCall, x: Tensor, axes: readonly Axis[], mask: Tensor, span: Span): Tensor {
  const { session } = call;
  requireKind(mask, ['bool'], span);
  requireAligned(session, [x, mask], span);
  const make = makerOf(session, call.span);
  const chosen = make.where(mask, x, 0);
  const over = axes.length === x.value.type.axes.length ? chosen.value.type.axes : axes;
  const sum = make.sum(chosen, over);
  const spread = emit(session, 'where', {}, [mask, ...onesAndZeros(session, call.span)], call.span);
  const counted = over.filter((axis) => spread.value.type.axes.some((other) => other.id === axis.id));
  const repeats = elementsOf(over.filter((axis) => !counted.includes(axis)));
  const count = repeats === 1 ? make.sum(spread, counted) : make.binary('mul', make.sum(spread, counted), repeats);
  const total = overBatch(session, over) ? emit(session, 'step_total', {}, [count], call.span) : count;
  const mean = make.binary('div', sum, make.binary('max', total, 1));
  return overBatch(session, over) ? { ...mean, mean: { sum: sum.value.id, count: count.value.id } } : mean;
}

function onesAndZeros(session: Session, span: Span): readonly [Tensor, Tensor] {
  return [constant(session, 1, 'float', span), constant(session, 0, 'float', span)];
}

function overBatch(session: Session, axes: readonly Axis[]): boolean {
  return axes.some((axis) => session.batchAxes.has(axis.id));
}

/** The plain mean, within a micro-batch: for statistics that are not losses. */
function statistic(make: Maker, x: Tensor, axes: readonly Axis[]): Tensor {
  return make.binary('div', make.sum(x, axes), elementsOf(axes));
}

function variance(call: BuiltinCall): Tensor {
  const { x, axes, make } = reduced(call);
  const centred = make.binary('sub', x, statistic(make, x, axes));
  return statistic(make, make.binary('mul', centred, centred), axes);
}

/** The Euclidean norm. At 0 its gradient is 0: the square root is never taken of a 0 that a gradient flows through. */
function norm(call: BuiltinCall): Tensor {
  const { x, axes, make } = reduced(call);
  const squares = make.sum(make.binary('mul', x, x), axes);
  const positive = make.binary('gt', squares, 0);
  return make.where(positive, make.unary('sqrt', make.where(positive, squares, 1)), 0);
}

interface Exponentials {
  /** x minus its largest element, which stands for no gradient since it cancels. */
  readonly shifted: Tensor;
  readonly largest: Tensor;
  readonly exp: Tensor;
  readonly sum: Tensor;
}

export function exponentials(make: Maker, x: Tensor, axes: readonly Axis[]): Exponentials {
  const largest = make.stop(make.max(x, axes));
  const shifted = make.binary('sub', x, largest);
  const exp = make.unary('exp', shifted);
  return { shifted, largest, exp, sum: make.sum(exp, axes) };
}

function needOver(call: BuiltinCall): void {
  if (!call.given.has('over')) refuse('over-missing', { name: call.name }, call.span);
}

export const REDUCTIONS: BuiltinTable = {
  sum: {
    params: ['x', 'over?'],
    run: (call) => {
      const { x, axes, make } = reduced(call, ['float', 'int']);
      return make.sum(x, axes);
    },
  },
  mean: { params: ['x', 'over?', 'where?'], run: mean },
  max: { params: ['x', 'y?', 'over?'], run: (call) => extreme(call, 'max') },
  min: { params: ['x', 'y?', 'over?'], run: (call) => extreme(call, 'min') },
  argmax: {
    params: ['x', 'over'],
    run: (call) => {
      const { value, span } = argument(call, 'x');
      const x = wantTensor(value, span);
      requireKind(x, ['float', 'int'], span);
      const axis = axisArgument(call, argument(call, 'over'), x, span);
      return emit(call.session, 'argmax', { axis: axis.id }, [x], call.span);
    },
  },
  var: { params: ['x', 'over?'], run: variance },
  norm: { params: ['x', 'over?'], run: norm },
  softmax: {
    params: ['x', 'over?'],
    run: (call) => {
      needOver(call);
      const { x, axes, make } = reduced(call);
      const { exp, sum } = exponentials(make, x, axes);
      return make.binary('div', exp, sum);
    },
  },
  log_softmax: {
    params: ['x', 'over?'],
    run: (call) => {
      needOver(call);
      const { x, axes, make } = reduced(call);
      const { shifted, sum } = exponentials(make, x, axes);
      return make.binary('sub', shifted, make.unary('log', sum));
    },
  },
  logsumexp: {
    params: ['x', 'over?'],
    run: (call) => {
      const { x, axes, make } = reduced(call);
      const { largest, sum } = exponentials(make, x, axes);
      return make.binary('add', make.unary('log', sum), largest);
    },
  },
};

/** `max(x, over = a)` reduces, `max(a, b)` is pointwise. */
function extreme(call: BuiltinCall, fn: 'max' | 'min') {
  const second = call.given.get('y');
  const { value, span } = argument(call, 'x');
  if (second) {
    if (call.given.has('over')) refuse('extreme-of-two-over', { name: fn }, call.span);
    const sides = { left: value, right: second.value, leftSpan: span, rightSpan: second.span, span: call.span };
    return applyBinary(call.session, fn, sides);
  }
  const { x, axes, make } = reduced(call, ['float', 'int']);
  return fn === 'max' ? make.max(x, axes) : make.unary('neg', make.max(make.unary('neg', x), axes));
}
