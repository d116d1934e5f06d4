/** Attention by its definition, and its gradient. */
import type { AttendAttrs, Axis, Block, OpName, TensorType, ValueId } from '../ir/graph.ts';
import { operandOf, resultOf } from '../ir/op-parts.ts';
import { axisOf, floats, isSubset, sameAxes, tensor } from '../ir/tensor-type.ts';
import { invariant, present } from '../support/invariant.ts';
import { once } from '../support/once.ts';
import { type AttendInputs, attendDelta, attendForward, keyAxes, onto, scoreGradient } from './attend-evaluate.ts';
import { attendAxes, queryAxes, scoreAxes } from './attend-shapes.ts';
import type { Builder } from './builder.ts';
import { cloneBlock } from './clone.ts';
import type { EvaluateContext, GradientOf, InferContext, OpDef, Tensor, VjpContext } from './op-def.ts';
import { operandType, requireAxes, requireKind } from './shapes.ts';
import { renamed } from './strided.ts';

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

/** The tensors with which all three ops begin, and the captures, which begin at operand `from`. */
function inputsOf<K extends Attend>(c: EvaluateContext<K>, from: number): AttendInputs {
  const [q, k, v] = [tensorOf(c, 0), tensorOf(c, 1), tensorOf(c, 2)];
  return { attrs: c.attrs, q, k, v, captures: c.operands.slice(from), run: c.run };
}

function tensorOf<K extends OpName>(c: EvaluateContext<K>, i: number): Tensor {
  return present(c.operands[i], `operand ${i}`);
}

/** The attributes for another op: value ids are unique in a graph, so its blocks are copies. */
function copied(b: Builder, attrs: AttendAttrs): AttendAttrs {
  return { ...attrs, mask: cloneBlock(b, attrs.mask), score: cloneBlock(b, attrs.score) };
}

function attendGradients({ b, op, gradients: [g, ofLogsumexp] }: VjpContext<'attend'>): readonly GradientOf[] {
  invariant(ofLogsumexp === undefined, 'the logsumexp of attend carries no gradient');
  const gradient = present(g, 'a gradient');
  const [q, k, v] = [operandOf(op, 0), operandOf(op, 1), operandOf(op, 2)];
  const [o, logsumexp] = [resultOf(op, 0).id, resultOf(op, 1).id];
  const captures = op.operands.slice(3);
  const backward = once(() => {
    const operands = [q, k, v, o, logsumexp, gradient, ...captures];
    return b.opAll('attend_backward_query', copied(b, op.attrs), operands);
  });
  const ofKeys = once(() => {
    const delta = present(backward()[1], 'delta');
    const operands = [q, k, v, logsumexp, delta, gradient, ...captures];
    return b.opAll('attend_backward_key', copied(b, op.attrs), operands);
  });
  return [
    () => present(backward()[0], 'gradient of q'),
    () => present(ofKeys()[0], 'gradient of k'),
    () => present(ofKeys()[1], 'gradient of v'),
  ];
}

export const attend: { readonly [K in Attend]: OpDef<K> } = {
  attend: {
    infer: (c) => {
      const [q, , v] = check(c, 3);
      return [floats(attendAxes(q, v, c.attrs)), floats(queryAxes(q, c.attrs))];
    },
    vjp: attendGradients,
    evaluate: (c) => attendForward(inputsOf(c, 3), present(c.results[0], 'o').axes),
  },
  attend_backward_query: {
    infer: (c) => {
      const [q] = check(c, 6);
      return [q, floats(queryAxes(q, c.attrs))];
    },
    vjp: undefined,
    evaluate: (c) => {
      const inputs = inputsOf(c, 6);
      const { q, k } = inputs;
      const [o, logsumexp, gradient] = [tensorOf(c, 3), tensorOf(c, 4), tensorOf(c, 5)];
      const delta = attendDelta(o, gradient, queryAxes(q.type, c.attrs));
      const scores = scoreGradient(inputs, c.derivative(c.attrs.score), { logsumexp, delta, gradient });
      return [onto(scores.gradient, renamed(k, c.attrs.over, c.attrs.key), q.type.axes), delta.data];
    },
  },
  attend_backward_key: {
    infer: (c) => {
      const [, k, v] = check(c, 6);
      return [k, v];
    },
    vjp: undefined,
    evaluate: (c) => {
      const inputs = inputsOf(c, 6);
      const { q, k, v } = inputs;
      const [logsumexp, delta, gradient] = [tensorOf(c, 3), tensorOf(c, 4), tensorOf(c, 5)];
      const scores = scoreGradient(inputs, c.derivative(c.attrs.score), { logsumexp, delta, gradient });
      return [
        onto(scores.gradient, q, keyAxes(k.type.axes, c.attrs)),
        onto(scores.weights, gradient, keyAxes(v.type.axes, c.attrs)),
      ];
    },
  },
};
