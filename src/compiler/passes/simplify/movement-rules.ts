/** Rules for movement and sums: what undoes itself goes, and neighbours of a kind become one. */
import type { OpOf, ValueId } from '../../ir/graph.ts';
import { operandOf, resultOf } from '../../ir/op-parts.ts';
import { axisOf, elementsOf, sameAxes, withoutIds } from '../../ir/tensor-type.ts';
import { made, makeExpand, makePermute, makeScalar, makeUniform, type Rewriter, uniform } from './rewriter.ts';

type Movement = 'expand' | 'rename' | 'split' | 'merge' | 'permute' | 'slice' | 'pad' | 'pick' | 'sum';
type Rule<K extends Movement> = (r: Rewriter, op: OpOf<K>) => ValueId | undefined;

export const expandRule: Rule<'expand'> = (r, op) => {
  const inner = made(r, operandOf(op, 0), 'expand');
  if (op.attrs.axes.length === 0) return operandOf(op, 0);
  return inner && r.make('expand', { axes: [...inner.attrs.axes, ...op.attrs.axes] }, inner.operands);
};

export const renameRule: Rule<'rename'> = (r, op) => {
  const { from, to } = op.attrs;
  if (from === to.id) return operandOf(op, 0);
  const inner = made(r, operandOf(op, 0), 'rename');
  if (inner?.attrs.to.id !== from) return undefined;
  return r.make('rename', { from: inner.attrs.from, to }, inner.operands);
};

/** A split of what was merged from the same axes. */
export const splitRule: Rule<'split'> = (r, op) => {
  const { from, into } = op.attrs;
  const [only] = into;
  if (only && into.length === 1) return r.make('rename', { from, to: only }, op.operands);
  const merged = made(r, operandOf(op, 0), 'merge');
  if (merged?.attrs.into.id !== from) return undefined;
  const same = merged.attrs.from.length === into.length && merged.attrs.from.every((id, i) => id === into[i]?.id);
  return same ? makePermute(r, operandOf(merged, 0), resultOf(op, 0).type.axes) : undefined;
};

/** A merge of what was split into the same axes. */
export const mergeRule: Rule<'merge'> = (r, op) => {
  const { from, into } = op.attrs;
  const [only] = from;
  if (only && from.length === 1) return r.make('rename', { from: only, to: into }, op.operands);
  const split = made(r, operandOf(op, 0), 'split');
  const parts = split?.attrs.into ?? [];
  if (!split || parts.length !== from.length || parts.some((axis, i) => axis.id !== from[i])) return undefined;
  return r.make('rename', { from: split.attrs.from, to: into }, split.operands);
};

export const permuteRule: Rule<'permute'> = (r, op) => {
  const x = operandOf(op, 0);
  const { axes } = resultOf(op, 0).type;
  if (sameAxes(r.typeOf(x).axes, axes)) return x;
  const inner = made(r, x, 'permute');
  return inner && makePermute(r, operandOf(inner, 0), axes);
};

export const sliceRule: Rule<'slice'> = (r, op) => {
  const x = operandOf(op, 0);
  const { from, start, into } = op.attrs;
  if (axisOf(r.typeOf(x).axes, from).size === into.size) return r.make('rename', { from, to: into }, [x]);
  const padded = made(r, x, 'pad');
  if (padded?.attrs.into.id !== from) return undefined;
  const source = operandOf(padded, 0);
  const end = padded.attrs.before + axisOf(r.typeOf(source).axes, padded.attrs.from).size;
  if (start + into.size <= padded.attrs.before || start >= end) {
    const { kind, axes } = resultOf(op, 0).type;
    return makeUniform(r, 0, kind, axes);
  }
  if (start < padded.attrs.before || start + into.size > end) return undefined;
  return r.make('slice', { from: padded.attrs.from, start: start - padded.attrs.before, into }, [source]);
};

export const padRule: Rule<'pad'> = (r, op) => {
  const x = operandOf(op, 0);
  const { from, into } = op.attrs;
  if (axisOf(r.typeOf(x).axes, from).size === into.size) return r.make('rename', { from, to: into }, [x]);
  const { kind, axes } = resultOf(op, 0).type;
  return uniform(r, x) === 0 ? makeUniform(r, 0, kind, axes) : undefined;
};

export const pickRule: Rule<'pick'> = (r, op) => {
  const stacked = made(r, operandOf(op, 0), 'stack');
  return stacked?.attrs.axis.id === op.attrs.axis ? operandOf(stacked, op.attrs.index) : undefined;
};

/** Sums over axes that an expansion made are products, other sums go before it; sums of sums are one sum. */
export const sumRule: Rule<'sum'> = (r, op) => {
  const x = operandOf(op, 0);
  const { axes } = op.attrs;
  const { type } = resultOf(op, 0);
  if (axes.length === 0) return x;
  const inner = made(r, x, 'sum');
  if (inner) return r.make('sum', { axes: [...inner.attrs.axes, ...axes] }, inner.operands);
  const spread = made(r, x, 'expand');
  const repeated = spread?.attrs.axes.filter((axis) => axes.includes(axis.id)) ?? [];
  if (!spread) return undefined;
  if (repeated.length === 0) return makeExpand(r, r.make('sum', { axes }, spread.operands), spread.attrs.axes);
  const gone = repeated.map((axis) => axis.id);
  const rest = makeExpand(r, operandOf(spread, 0), withoutIds(spread.attrs.axes, gone));
  const summed = r.make('sum', { axes: axes.filter((id) => !gone.includes(id)) }, [rest]);
  const times = r.make('binary', { fn: 'mul' }, [summed, makeScalar(r, elementsOf(repeated), type.kind)]);
  return makePermute(r, times, type.axes);
};
