/**
 * Reductions as loops.
 *
 * More than BLOCK elements are added up in blocks, each with an accumulator of its own, so that a sum of n elements
 * sees about BLOCK + n / BLOCK roundings instead of n. This needs no compensation, which a shader compiler may optimise
 * away, and its order is fixed.
 */
import type { Axis, AxisId, OpOf, Value, ValueId } from '../ir/graph.ts';
import type { Expr, ScalarType } from '../ir/kernel.ts';
import { binary, cast, i32 } from '../ir/kernel-expr.ts';
import { present } from '../support/invariant.ts';
import { type LowerContext, opOf } from './context.ts';
import type { Emitter } from './element.ts';
import { add, bounded } from './index-math.ts';
import { shortName } from './names.ts';
import { applyBinary, F32_MAX, literal, SCALAR } from './scalar.ts';
import type { Env, KernelWriter, Variable } from './writer.ts';

/** One thing to sum up, or to find the largest of. A contraction of several terms is several sums. */
export interface Reduction {
  /** The graph value that it makes, or of which it is one term. */
  readonly value: ValueId;
  readonly name: string;
  readonly kind: 'sum' | 'max' | 'argmax';
  /** Reduced axes, slowest first in memory. */
  readonly axes: readonly Axis[];
  readonly type: ScalarType;
  readonly term: (emitter: Emitter, at: Env) => Expr;
}

/** What a reduction has found so far; `place` for argmax only. */
export interface Accumulator {
  readonly best: Variable;
  readonly place: Variable | undefined;
}

/** Elements that one accumulator adds up. */
const BLOCK = 256;

/** What must be reduced to get a value: nothing, unless it is the result of a reduction op. */
export function reductionsOf(context: LowerContext, id: ValueId): readonly Reduction[] {
  const op = opOf(context, id);
  if (op === undefined) return [];
  const value = context.value(id);
  const name = shortName(context, id);
  const axesOf = (id: ValueId): readonly Axis[] => context.value(id).type.axes;
  const only = (): ValueId => present(op.operands[0], 'operand');
  const single = (kind: Reduction['kind'], axes: readonly AxisId[]): readonly Reduction[] => [
    {
      value: value.id,
      name,
      kind,
      axes: axesOf(only()).filter((axis) => axes.includes(axis.id)),
      type: SCALAR[context.value(only()).type.kind],
      term: (emitter, at) => emitter.element(only(), at),
    },
  ];
  switch (op.kind) {
    case 'sum':
    case 'max':
      return single(op.kind, op.attrs.axes);
    case 'argmax':
      return single(op.kind, [op.attrs.axis]);
    case 'contract':
      return op.attrs.terms.flatMap((axes, i) => (axes.length === 0 ? [] : [termOf(context, value, op, i, name)]));
    default:
      return [];
  }
}

/** One term of a contraction that sums. */
function termOf(context: LowerContext, value: Value, op: OpOf<'contract'>, term: number, name: string): Reduction {
  const left = present(op.operands[2 * term], 'left operand');
  const over = present(op.attrs.terms[term], 'term');
  return {
    value: value.id,
    name,
    kind: 'sum',
    axes: context.value(left).type.axes.filter((axis) => over.includes(axis.id)),
    type: SCALAR[value.type.kind],
    term: (emitter, at) => productAt(emitter, op, term, at),
  };
}

/** The product of the operands of a term at one index. */
export function productAt(emitter: Emitter, op: OpOf<'contract'>, term: number, at: Env): Expr {
  const left = present(op.operands[2 * term], 'left operand');
  const right = present(op.operands[2 * term + 1], 'right operand');
  return applyBinary('mul', emitter.element(left, at), emitter.element(right, at));
}

/** Declares the accumulator of a reduction of nothing. */
export function startOf(writer: KernelWriter, reduction: Reduction): Accumulator {
  const { kind, name, type } = reduction;
  if (kind === 'sum') return { best: writer.var(name, literal(type, 0)), place: undefined };
  const lowest = literal(type, type === 'f32' ? -F32_MAX : -2147483647);
  const best = writer.var(kind === 'max' ? name : `${name}_value`, lowest);
  return { best, place: kind === 'argmax' ? writer.var(name, i32(0)) : undefined };
}

export function resultOf(accumulator: Accumulator): Expr {
  return (accumulator.place ?? accumulator.best).value;
}

/** Takes in one element, or what another accumulator found in elements that come later. */
export function take(writer: KernelWriter, reduction: Reduction, into: Accumulator, element: Expr, place: Expr): void {
  const { best } = into;
  if (reduction.kind === 'sum') writer.assign(best, applyBinary('add', best.value, element));
  if (reduction.kind === 'max') writer.assign(best, binary('max', best.value, element));
  if (reduction.kind !== 'argmax') return;
  const candidate = writer.let('candidate', element);
  writer.when(binary('gt', candidate, best.value), () => {
    writer.assign(best, candidate);
    writer.assign(present(into.place, 'place of argmax'), place);
  });
}

/** Takes in the elements at `at`, one for each reduction. */
export function takeAt(
  emitter: Emitter,
  reductions: readonly Reduction[],
  into: readonly Accumulator[],
  at: Env,
): void {
  reductions.forEach((reduction, i) => {
    const axis = reduction.axes[0];
    const index = axis === undefined ? undefined : at.get(axis.id);
    const place = index ? cast('i32', index) : i32(0);
    take(emitter.writer, reduction, present(into[i], 'accumulator'), reduction.term(emitter, at), place);
  });
}

/** Runs `write` with fresh accumulators for the sums, and adds what they hold to `into`. */
function inParts(
  writer: KernelWriter,
  reductions: readonly Reduction[],
  into: readonly Accumulator[],
  write: (into: readonly Accumulator[]) => void,
): void {
  const parts = into.map((whole, i) => {
    const reduction = present(reductions[i], 'reduction');
    return reduction.kind === 'sum' ? startOf(writer, { ...reduction, name: `${reduction.name}_part` }) : whole;
  });
  write(parts);
  parts.forEach((part, i) => {
    const [reduction, whole] = [reductions[i], into[i]];
    if (reduction && whole && part !== whole) take(writer, reduction, whole, part.best.value, i32(0));
  });
}

export interface Stride {
  readonly from: Expr;
  readonly step: number;
}

/** A loop over `count` elements, or every `step`th of them, cut into blocks when it is long. */
export function accumulate(
  writer: KernelWriter,
  wish: string,
  count: number,
  stride: Stride,
  reductions: readonly Reduction[],
  into: readonly Accumulator[],
  body: (index: Expr, into: readonly Accumulator[]) => void,
): void {
  const { from, step } = stride;
  const options = { from, step: literal('u32', step), max: count - 1 };
  const isShared = step > 1;
  const isShort = Math.ceil(count / step) <= BLOCK || reductions.every((r) => r.kind !== 'sum');
  if (isShort) {
    writer.loop(wish, count, (index) => body(index, into), { ...options, isShared });
    return;
  }
  const length = step * BLOCK;
  writer.loop(
    `${wish}_block`,
    count,
    (start) => {
      const end = binary('min', add(start, literal('u32', length)), literal('u32', count));
      const own = { ...options, from: add(start, from), isShared };
      inParts(writer, reductions, into, (parts) =>
        writer.loop(wish, end, (index) => body(bounded(index, count - 1), parts), own),
      );
    },
    { step: literal('u32', length), max: count - 1 },
  );
}

/** One loop for each reduced axis, in this invocation alone. */
export function reduceInLoops(reductions: readonly Reduction[], at: Env, emitter: Emitter): readonly Expr[] {
  const { writer } = emitter;
  const axes = present(reductions[0], 'reduction').axes;
  const into = reductions.map((reduction) => startOf(writer, reduction));
  nest(emitter, reductions, axes, at, into);
  return into.map(resultOf);
}

function nest(
  emitter: Emitter,
  reductions: readonly Reduction[],
  axes: readonly Axis[],
  at: Env,
  into: readonly Accumulator[],
): void {
  const [axis, ...rest] = axes;
  if (axis === undefined) {
    takeAt(emitter, reductions, into, at);
    return;
  }
  const whole = { from: literal('u32', 0), step: 1 };
  accumulate(emitter.writer, axis.name, axis.size, whole, reductions, into, (index, parts) => {
    const inner = new Map(at).set(axis.id, index);
    const isLong = rest.reduce((n, a) => n * a.size, axis.size) > BLOCK;
    if (rest.length === 0 || !isLong) nest(emitter, reductions, rest, inner, parts);
    else inParts(emitter.writer, reductions, parts, (innermost) => nest(emitter, reductions, rest, inner, innermost));
  });
}
