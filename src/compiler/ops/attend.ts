/** Attention by its definition, and its gradient. */
import type { AttendAttrs, Axis, Block, OpName, TensorType, ValueId } from '../ir/graph.ts';
import { axesWithout, axisOf, floats, isSubset, sameAxes, tensor, withoutIds } from '../ir/tensor-type.ts';
import { invariant, present } from '../support/invariant.ts';
import type { InferContext, OpDef } from './op-def.ts';
import { distinct, operandType, requireAxes, requireKind } from './shapes.ts';

/** The axes of the scores: those of q without `on`, then the key. */
export function scoreAxes(q: TensorType, { on, key }: AttendAttrs): readonly Axis[] {
  return distinct([...withoutIds(q.axes, [on]), key]);
}

/** The axes of the logsumexp and of delta. */
export function queryAxes(q: TensorType, { on }: AttendAttrs): readonly Axis[] {
  return withoutIds(q.axes, [on]);
}

/** The axes of o: those of the scores without the key, then those of v that they lack. */
export function attendAxes(q: TensorType, v: TensorType, attrs: AttendAttrs): readonly Axis[] {
  const kept = queryAxes(q, attrs);
  return distinct([...kept, ...axesWithout(v.axes, kept)]);
}

type Attend = Extract<OpName, `attend${string}`>;

function checkBlock(
  block: Block,
  params: readonly TensorType[],
  result: 'float' | 'bool',
  axes: readonly Axis[],
  typeOf: (id: ValueId) => TensorType,
): void {
  invariant(block.params.length === params.length, 'a block of attend has a parameter for each value it is given');
  params.forEach((type, i) => {
    const param = present(block.params[i], 'a parameter').type;
    invariant(param.kind === type.kind && sameAxes(param.axes, type.axes), 'a parameter of a block of attend');
  });
  const type = typeOf(present(block.results[0], 'the result of a block of attend'));
  requireKind(type, result);
  invariant(block.results.length === 1 && isSubset(type.axes, axes), 'the result of a block of attend');
}

/** Checks what the three ops share; `captures` begin at operand `from`. */
function check<K extends Attend>(c: InferContext<K>, from: number): readonly [TensorType, TensorType, TensorType] {
  const attrs: AttendAttrs = c.attrs;
  const [q, k, v] = [operandType(c, 0), operandType(c, 1), operandType(c, 2)];
  for (const type of [q, k, v]) requireKind(type, 'float');
  requireAxes(q, [attrs.over, attrs.on]);
  requireAxes(k, [attrs.over, attrs.on]);
  requireAxes(v, [attrs.over]);
  invariant(isSubset(k.axes, q.axes), 'k has only axes of q');
  invariant(axisOf(q.axes, attrs.over).size === attrs.key.size, 'the key axis has the size of the query axis');
  const axes = scoreAxes(q, attrs);
  const captures = c.operands.slice(from);
  for (const type of captures) invariant(isSubset(type.axes, axes), 'a capture of attend has axes of the score');
  const places = [tensor('int', axes), tensor('int', axes), ...captures];
  checkBlock(attrs.mask, places, 'bool', axes, c.typeOf);
  checkBlock(attrs.score, [floats(axes), ...places], 'float', axes, c.typeOf);
  return [q, k, v];
}

export const attend: { readonly [K in Attend]: OpDef<K> } = {
  attend: {
    infer: (c) => {
      const [q, , v] = check(c, 3);
      return [floats(attendAxes(q, v, c.attrs)), floats(queryAxes(q, c.attrs))];
    },
  },
  attend_backward_query: {
    infer: (c) => {
      const [q] = check(c, 6);
      return [q, floats(queryAxes(q, c.attrs))];
    },
  },
  attend_backward_key: {
    infer: (c) => {
      const [, k, v] = check(c, 6);
      return [k, v];
    },
  },
};
