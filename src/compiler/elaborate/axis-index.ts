/** `x[a -> b]`, `x[a -> b * c]`, `x[a * b -> c]`, `x[a = 3]`, `x[a = ids]`, `x[a = m..n]`. */
import type { Axis } from '../ir/graph.ts';
import { axesWithout, elementsOf, hasAxis } from '../ir/tensor-type.ts';
import type { Span } from '../support/source.ts';
import type { AxisOperation, Expr, Name } from '../syntax/ast.ts';
import { boundAxis, makeAxis, resolveAxis } from './axis-name.ts';
import { axesText, axisLabels, axisText, textOf } from './describe.ts';
import { emit } from './emit.ts';
import { requireKind } from './pointwise.ts';
import { refuse, type Scope } from './session.ts';
import type { Tensor, Value } from './value.ts';
import { wantInteger, wantTensor } from './want.ts';

type AxisIndexExpr = Extract<Expr, { kind: 'axis-index' }>;
type OperationOf<K extends AxisOperation['kind']> = Extract<AxisOperation, { kind: K }>;

export function evaluateAxisIndex(expr: AxisIndexExpr, scope: Scope): Value {
  const object = scope.frame.session.language.evaluate(expr.object, scope);
  const tensor = wantTensor(object, expr.object.span);
  return expr.operations.reduce((x, operation) => applyOperation(x, operation, expr.object.span, scope), tensor);
}

function applyOperation(x: Tensor, operation: AxisOperation, object: Span, scope: Scope): Tensor {
  if (operation.kind === 'reshape') return reshape(x, operation, object, scope);
  const axis = axisIn(x, operation.axis, object, scope);
  return operation.kind === 'range' ? slice(x, axis, operation, scope) : pickOrGather(x, axis, operation, scope);
}

/** The axis that `name` means, which `x` must have. */
function axisIn(x: Tensor, name: Name, object: Span, scope: Scope): Axis {
  const axis = resolveAxis(name, scope);
  const { axes } = x.value.type;
  if (!hasAxis(axes, axis.id)) {
    const labels = axisLabels(scope.frame.session, [axis]);
    refuse('axis-absent', { axis: name.text, text: textOf(object), axes: axesText(axes) }, name.span, labels);
  }
  return axis;
}

function reshape(x: Tensor, operation: OperationOf<'reshape'>, object: Span, scope: Scope): Tensor {
  const from = operation.from.map((name) => axisIn(x, name, object, scope));
  const [source] = from;
  const [target] = operation.to;
  if (source && from.length === 1 && operation.to.length > 1) return split(x, source, operation, scope);
  if (!source || !target || operation.to.length !== 1) return refuse('reshape-many', {}, operation.span);
  const size = elementsOf(from);
  const into = targetAxis(target, size, operation, scope);
  requireFree(x, [into], from, operation, scope);
  const { session } = scope.frame;
  if (from.some((axis) => session.batchAxes.has(axis.id))) session.batchAxes.add(into.id);
  if (from.length > 1) {
    requireDistinct(from, operation);
    return emit(session, 'merge', { from: from.map((axis) => axis.id), into }, [x], operation.span);
  }
  return into.id === source.id ? x : emit(session, 'rename', { from: source.id, to: into }, [x], operation.span);
}

/** The axis that a name on the right means: one of that size, or a fresh one. */
function targetAxis(name: Name, size: number, operation: OperationOf<'reshape'>, scope: Scope): Axis {
  const bound = boundAxis(name, scope);
  const { session } = scope.frame;
  if (!bound) return makeAxis(session, name, size, scope);
  if (bound.size !== size) {
    const left = operation.from.map((n) => n.text).join(' * ');
    refuse(
      'reshape-size',
      { from: left, fromSize: size, to: name.text, toSize: bound.size },
      operation.span,
      axisLabels(session, [bound]),
    );
  }
  return bound;
}

function split(x: Tensor, source: Axis, operation: OperationOf<'reshape'>, scope: Scope): Tensor {
  const { session } = scope.frame;
  const bound = operation.to.map((name) => boundAxis(name, scope));
  const unknown = operation.to.filter((_, i) => !bound[i]);
  const known = elementsOf(bound.flatMap((axis) => axis ?? []));
  if (unknown.length > 1) refuse('split-unknown', { names: unknown.map((n) => n.text) }, operation.span);
  const right = operation.to.map((n) => n.text).join(' * ');
  if (unknown.length === 0 ? known !== source.size : source.size % known !== 0) {
    refuse(
      'reshape-size',
      { from: source.name, fromSize: source.size, to: right, toSize: known },
      operation.span,
      axisLabels(session, [source]),
    );
  }
  const into = operation.to.map((name, i) => bound[i] ?? makeAxis(session, name, source.size / known, scope));
  requireDistinct(into, operation);
  requireFree(x, into, [source], operation, scope);
  const [first] = into;
  if (session.batchAxes.has(source.id) && first && !into.some((axis) => session.batchAxes.has(axis.id))) {
    session.batchAxes.add(first.id);
  }
  return emit(session, 'split', { from: source.id, into }, [x], operation.span);
}

function requireDistinct(axes: readonly Axis[], operation: AxisOperation): void {
  const again = axes.find((axis, i) => axes.findIndex((other) => other.id === axis.id) !== i);
  if (again) refuse('axis-twice', { axis: again.name, where: `\`${textOf(operation.span)}\`` }, operation.span);
}

/** What remains of `x` beside `from` must not have the new axes. */
function requireFree(
  x: Tensor,
  into: readonly Axis[],
  from: readonly Axis[],
  operation: AxisOperation,
  scope: Scope,
): void {
  const kept = axesWithout(x.value.type.axes, from);
  const clash = into.find((axis) => hasAxis(kept, axis.id));
  if (clash) {
    const shown = axisText(scope.frame.session, clash, operation.span);
    refuse(
      'axis-twice',
      { axis: shown, where: 'the result' },
      operation.span,
      axisLabels(scope.frame.session, [clash]),
    );
  }
}

/** A fresh axis for a part of `axis`, whose identity is the place of the operation. */
function partAxis(axis: Axis, size: number, operation: AxisOperation, scope: Scope): Axis {
  const { session } = scope.frame;
  const part = session.axes.declare(axis.name, size, operation.span);
  if (session.batchAxes.has(axis.id)) session.batchAxes.add(part.id);
  return part;
}

function slice(x: Tensor, axis: Axis, operation: OperationOf<'range'>, scope: Scope): Tensor {
  const { session } = scope.frame;
  const bound = (expr: Expr): number =>
    position(wantInteger(session.language.evaluate(expr, scope), expr.span, 'a position'), axis, expr.span);
  const [from, to] = [bound(operation.from), bound(operation.to)];
  if (to < from) refuse('slice-empty', { axis: axis.name, from, to }, operation.span);
  const into = partAxis(axis, to - from + 1, operation, scope);
  return emit(session, 'slice', { from: axis.id, start: from, into }, [x], operation.span);
}

function position(value: number, axis: Axis, span: Span): number {
  if (value < 0 || value >= axis.size)
    refuse('position-out-of-range', { axis: axis.name, size: axis.size, value }, span);
  return value;
}

function pickOrGather(x: Tensor, axis: Axis, operation: OperationOf<'at'>, scope: Scope): Tensor {
  const { session } = scope.frame;
  const index = session.language.evaluate(operation.index, scope);
  if (index.kind !== 'tensor') {
    const place = position(wantInteger(index, operation.index.span, 'a position'), axis, operation.index.span);
    return emit(session, 'pick', { axis: axis.id, index: place }, [x], operation.span);
  }
  requireKind(index, ['int'], operation.index.span);
  if (hasAxis(index.value.type.axes, axis.id)) {
    refuse('gather-own-axis', { axis: axis.name, text: textOf(operation.index.span) }, operation.span);
  }
  return emit(session, 'gather', { axis: axis.id }, [x, index], operation.span);
}
