/**
 * One position of the result of an op: what it needs of the operands, and how it is made.
 *
 * Most ops treat the positions of an axis that stays alike: an operand with the axis is needed at the position, one without it
 * whole. Others bring the axis in or look along it.
 */
import type { Axis, Op, OpAttrs, OpName, TensorType, ValueId } from '../ir/graph.ts';
import { operandOf } from '../ir/op-parts.ts';
import { axisOf, elementsOf, hasAxis, tensor, withAxes, withoutIds } from '../ir/tensor-type.ts';
import { add, binary, expand, intScalar, mul, where } from '../ops/make.ts';
import { present } from '../support/invariant.ts';
import { sliceAttend } from './attend-step.ts';
import type { Slice } from './form.ts';
import type { Making, Recipe } from './recipe.ts';
import { operandAt, type SliceContext } from './slice-context.ts';

/** Undefined where one position cannot be made without looking at all of them. */
type Rule<K extends OpName> = (c: SliceContext<K>) => Recipe | undefined;

/** The same op, with `attrs` that do not name the axis. */
function alike<K extends OpName>(c: SliceContext<K>, attrs: OpAttrs[K] = c.op.attrs): Recipe {
  return {
    needs: c.op.operands.map((_, i) => operandAt(c, i)),
    make: ({ b, note }, given) => b.op(c.op.kind, attrs, given, note),
  };
}

/** The only operand, at a place of `axis` instead. */
function moved<K extends OpName>(
  c: SliceContext<K>,
  slice: Slice,
  make: (making: Making, x: ValueId) => ValueId = (_, x) => x,
): Recipe {
  return {
    needs: [{ value: operandOf(c.op, 0), form: slice }],
    make: (making, given) => make(making, present(given[0], 'the operand')),
  };
}

function typeOfResult<K extends OpName>({ op }: SliceContext<K>): TensorType {
  return present(op.results[0], 'a result').type;
}

/** The value at the position of a leaf that is built as a whole. */
function read<K extends OpName>(c: SliceContext<K>, build: (making: Making) => ValueId): Recipe {
  const { axis, back } = c.slice;
  return { needs: [], make: (m) => m.b.op('gather', { axis }, [build(m), m.position(back)], m.note) };
}

function sliceIndex(c: SliceContext<'index'>): Recipe {
  const type = typeOfResult(c);
  if (type.axes.length > 1) return read(c, ({ b }) => b.leaf('index', {}, type));
  return { needs: [], make: ({ position }) => position(c.slice.back) };
}

function sliceExpand(c: SliceContext<'expand'>): Recipe {
  const axes = withoutIds(c.op.attrs.axes, [c.slice.axis]);
  return {
    needs: [operandAt(c, 0)],
    make: ({ b, note }, given) => expand(b, present(given[0], 'the operand'), axes, note),
  };
}

function sliceRename(c: SliceContext<'rename'>): Recipe {
  const { from, to } = c.op.attrs;
  return to.id === c.slice.axis ? moved(c, { ...c.slice, axis: from }) : alike(c);
}

/** Of what an axis is split into or merged from, the one that has all its places. */
function onlyLong(axes: readonly Axis[], size: number): Axis | undefined {
  const long = axes.find((axis) => axis.size === size);
  return long && elementsOf(axes) === size ? long : undefined;
}

function sliceSplit(c: SliceContext<'split'>): Recipe | undefined {
  const { from, into } = c.op.attrs;
  const { axis, back } = c.slice;
  if (!hasAxis(into, axis)) return alike(c);
  if (onlyLong(into, elementsOf(into))?.id !== axis) return undefined;
  return moved(c, { axis: from, back }, ({ b }, x) => expand(b, x, withoutIds(into, [axis])));
}

function sliceMerge(c: SliceContext<'merge'>): Recipe | undefined {
  const { from, into } = c.op.attrs;
  if (into.id !== c.slice.axis) return alike(c);
  const { axes } = c.typeOf(operandOf(c.op, 0));
  const merged = from.map((id) => axisOf(axes, id));
  const long = onlyLong(merged, into.size);
  if (!long) return undefined;
  const others = withoutIds(merged, [long.id]);
  return moved(c, { ...c.slice, axis: long.id }, ({ b }, x) =>
    others.reduce((y, { id }) => b.op('pick', { axis: id, index: 0 }, [y]), x),
  );
}

function sliceSlice(c: SliceContext<'slice'>): Recipe {
  const { from, start, into } = c.op.attrs;
  if (into.id !== c.slice.axis) return alike(c);
  return moved(c, { axis: from, back: c.slice.back - start });
}

/** Zeros around: where the place is none of the operand's. */
function slicePad(c: SliceContext<'pad'>): Recipe {
  const { from, before, into } = c.op.attrs;
  if (into.id !== c.slice.axis) return alike(c);
  const type = c.typeOf(operandOf(c.op, 0));
  const back = c.slice.back + before;
  return moved(c, { axis: from, back }, ({ b, position }, x) => {
    const place = position(back);
    const inside = binary(
      b,
      'and',
      binary(b, 'ge', place, intScalar(b, 0)),
      binary(b, 'lt', place, intScalar(b, axisOf(type.axes, from).size)),
    );
    return where(b, inside, x, b.leaf('constant', { values: [0] }, tensor(type.kind, [])));
  });
}

/** The state of the step before is all that is kept. */
function sliceRecur(c: SliceContext<'recur'>): Recipe | undefined {
  const { over, reverse } = c.op.attrs;
  if (over !== c.slice.axis) return alike(c);
  if (reverse || c.slice.back !== 0) return undefined;
  const type = typeOfResult(c);
  return {
    needs: [operandAt(c, 0), operandAt(c, 1)],
    keeps: withAxes(type, withoutIds(type.axes, [over])),
    make: ({ b, note }, [factor, term, before]) =>
      add(b, mul(b, present(before, 'the state'), present(factor, 'a')), present(term, 'b'), note),
  };
}

function sliceScatter(c: SliceContext<'scatter_add'>): Recipe | undefined {
  const { axis, axes } = c.op.attrs;
  return axis.id === c.slice.axis ? undefined : alike(c, { axis, axes: withoutIds(axes, [c.slice.axis]) });
}

const never = (): undefined => undefined;

const RULES: { readonly [K in OpName]: Rule<K> } = {
  input: never,
  weight: never,
  constant: never,
  index: sliceIndex,
  random: (c) => read(c, ({ b }) => b.leaf('random', c.op.attrs, typeOfResult(c))),
  runtime: never,
  unary: (c) => alike(c),
  binary: (c) => alike(c),
  where: (c) => alike(c),
  cast: (c) => alike(c),
  expand: sliceExpand,
  rename: sliceRename,
  split: sliceSplit,
  merge: sliceMerge,
  permute: (c) => alike(c, { axes: c.op.attrs.axes.filter((id) => id !== c.slice.axis) }),
  slice: sliceSlice,
  pad: slicePad,
  pick: (c) => alike(c),
  stack: (c) => (c.op.attrs.axis.id === c.slice.axis ? undefined : alike(c)),
  sum: (c) => alike(c),
  max: (c) => alike(c),
  argmax: (c) => alike(c),
  contract: (c) => alike(c),
  gather: (c) => alike(c),
  scatter_add: sliceScatter,
  put: never,
  recur: sliceRecur,
  stop_gradient: (c) => alike(c),
  step_total: (c) => alike(c),
  attend: (c) => sliceAttend(c, sliceRecipe),
  attend_backward_query: never,
  attend_backward_key: never,
  loop: never,
};

/** How the first result of an op is made at one place of an axis that it has. */
export function sliceRecipe(op: Op, slice: Slice, typeOf: (id: ValueId) => TensorType): Recipe | undefined {
  // The type checker does not see that an op and the rule of its kind belong together.
  const rule = RULES[op.kind] as (c: SliceContext) => Recipe | undefined;
  return rule({ op, slice, typeOf });
}
