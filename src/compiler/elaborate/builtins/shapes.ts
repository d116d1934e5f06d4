/** Functions that make tensors, move their elements, and work on lists. */
import type { Axis } from '../../ir/graph.ts';
import { axesWithout, isSubset, sameAxes } from '../../ir/tensor-type.ts';
import { axisLabels, tensorText } from '../describe.ts';
import { constant, emit, indexOver } from '../emit.ts';
import { pathOf, placeAt } from '../place.ts';
import { liftAlone } from '../pointwise.ts';
import { refuse } from '../session.ts';
import { list, number, type Tensor, type Value } from '../value.ts';
import { wantBoundAxis, wantInteger, wantList, wantOperand, wantTensor, wrong } from '../want.ts';
import { argument, axisArgument, type BuiltinCall, type BuiltinTable } from './builtin.ts';

/** Axes from `like = x` or from further arguments. */
export function shapeArgument(call: BuiltinCall): readonly Axis[] {
  const like = call.given.get('like');
  if (like) return wantTensor(like.value, like.span).value.type.axes;
  const axes = call.rest.map(({ value, span }) => wantBoundAxis(value, span));
  axes.forEach((axis, i) => {
    const again = axes.findIndex((other) => other.id === axis.id) !== i;
    if (again) refuse('axis-twice', { axis: axis.name, where: 'the result' }, call.span);
  });
  return axes;
}

function fill(call: BuiltinCall): Tensor {
  const { value, span } = argument(call, 'value');
  const scalar = liftAlone(call.session, wantOperand(value, span), span);
  const axes = shapeArgument(call);
  const missing = axesWithout(axes, scalar.value.type.axes);
  return missing.length === 0 ? scalar : emit(call.session, 'expand', { axes: missing }, [scalar], call.span);
}

function stack(call: BuiltinCall): Tensor {
  const items = argument(call, 'list');
  const where = argument(call, 'axis');
  const axis = wantBoundAxis(where.value, where.span);
  const tensors = wantList(items.value, items.span, 'a list of tensors').map((item) =>
    liftAlone(call.session, wantOperand(item, items.span), items.span),
  );
  const [first] = tensors;
  if (!first || tensors.length !== axis.size) {
    const labels = axisLabels(call.session, [axis]);
    return refuse('stack-size', { axis: axis.name, size: axis.size, count: tensors.length }, call.span, labels);
  }
  const { type } = first.value;
  if (isSubset([axis], type.axes)) refuse('axis-twice', { axis: axis.name, where: 'the result' }, call.span);
  const inOrder = tensors.map((tensor) => {
    const { kind, axes } = tensor.value.type;
    if (kind !== type.kind || !isSubset(axes, type.axes) || !isSubset(type.axes, axes)) {
      refuse('stack-types', { first: tensorText(first), other: tensorText(tensor) }, items.span);
    }
    if (sameAxes(axes, type.axes)) return tensor;
    return emit(call.session, 'permute', { axes: type.axes.map((a) => a.id) }, [tensor], call.span);
  });
  return emit(call.session, 'stack', { axis }, inOrder, call.span);
}

/** Moves `by` positions later; zeros enter at the start. Negative numbers move earlier. */
function shift(call: BuiltinCall): Tensor {
  const source = argument(call, 'x');
  const x = wantTensor(source.value, source.span);
  const axis = axisArgument(call, argument(call, 'axis'), x, source.span);
  const amount = argument(call, 'by');
  const by = wantInteger(amount.value, amount.span, 'a number of positions');
  const kept = axis.size - Math.abs(by);
  const { session, span } = call;
  if (by === 0) return x;
  if (kept <= 0) {
    const zero = constant(session, 0, x.value.type.kind, span);
    return emit(session, 'expand', { axes: x.value.type.axes }, [zero], span);
  }
  const part = session.axes.declare(axis.name, kept, span);
  const slice = emit(session, 'slice', { from: axis.id, start: Math.max(0, -by), into: part }, [x], span);
  return emit(session, 'pad', { from: part.id, before: Math.max(0, by), into: axis }, [slice], span);
}

/** Uniform numbers in [0, 1) that depend on the seed, the step, and the path of the call. */
export function randomTensor(call: BuiltinCall): Tensor {
  const { place, loops } = call.scope.frame;
  if (!place) return refuse('tensor-at-top-level', {}, call.span);
  const path = pathOf(placeAt(place, call.node, loops, undefined, call.span));
  const axes = shapeArgument(call);
  return emit(call.session, 'random', { path }, [], call.span, {
    kind: 'float',
    axes,
    storage: 'f32',
    accumulate: 'f32',
  });
}

function items(call: BuiltinCall): readonly Value[] {
  const { value, span } = argument(call, 'list');
  return wantList(value, span);
}

function nonEmpty(call: BuiltinCall): readonly [Value, readonly Value[]] {
  const all = items(call);
  const last = all.at(-1);
  if (last === undefined) refuse('empty-list', { name: call.name }, call.span);
  return [last, all.slice(0, -1)];
}

export const SHAPES: BuiltinTable = {
  index: {
    params: [],
    rest: true,
    run: (call) => {
      const axes = shapeArgument(call);
      if (axes.length === 0) refuse('index-without-axes', {}, call.span);
      return indexOver(call.session, axes, call.span);
    },
  },
  fill: { params: ['value', 'like?'], rest: true, run: fill },
  stack: { params: ['list', 'axis'], run: stack },
  shift: { params: ['x', 'axis', 'by'], run: shift },
  append: { params: ['list', 'item'], run: (call) => list([...items(call), argument(call, 'item').value]) },
  last: { params: ['list'], run: (call) => nonEmpty(call)[0] },
  drop_last: { params: ['list'], run: (call) => list(nonEmpty(call)[1]) },
  len: {
    params: ['list'],
    run: (call) => {
      const { value, span } = argument(call, 'list');
      if (value.kind === 'axis') return number(value.axis.size);
      if (value.kind === 'list' || value.kind === 'tuple') return number(value.items.length);
      return wrong(value, 'a list', span);
    },
  },
};
