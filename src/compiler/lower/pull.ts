/** The table of ops: the element of a result, by the elements of the operands. */
import type { Axis, Op, OpAttrs, OpName, OpOf, Value, ValueId } from '../ir/graph.ts';
import type { Expr } from '../ir/kernel.ts';
import { binary, cast, i32, select } from '../ir/kernel-expr.ts';
import { InternalError, invariant, present } from '../support/invariant.ts';
import { randomKey } from '../support/random.ts';
import type { Definition } from './context.ts';
import type { Emitter } from './element.ts';
import { atMost, bounded, boundOf, rowMajor } from './index-math.ts';
import * as movement from './movement.ts';
import { shortName } from './names.ts';
import { productAt } from './reduce.ts';
import { applyBinary, applyUnary, literal, SCALAR } from './scalar.ts';
import type { Env } from './writer.ts';

interface AnyPull {
  readonly op: Op;
  readonly value: Value;
  readonly at: Env;
  readonly emitter: Emitter;
  /** The loop in whose body the op is. */
  readonly loop: OpOf<'loop'> | undefined;
  /** The element of operand `i` at `at`, or at another index. */
  readonly operand: (i: number, at?: Env) => Expr;
  readonly axesOf: (i: number) => readonly Axis[];
}

interface Pull<K extends OpName> extends AnyPull {
  readonly op: OpOf<K>;
}

type Rule<K extends OpName> = (pull: Pull<K>) => Expr;

/** Ops whose results only a kernel of their own, or the host, can make: they are always loaded. */
function stored({ op }: AnyPull): Expr {
  throw new InternalError(`the result of ${op.kind} is not stored`);
}

const reduction = ({ value, at, emitter }: AnyPull): Expr => emitter.reduced(value, at);

/** Terms that sum over nothing are products of two elements. */
function contraction({ op, value, at, emitter }: Pull<'contract'>): Expr {
  const products = op.attrs.terms.flatMap((axes, i) => (axes.length === 0 ? [productAt(emitter, op, i, at)] : []));
  const sums = products.length < op.attrs.terms.length ? [emitter.reduced(value, at)] : [];
  return [...sums, ...products].reduce((a, b) => applyBinary('add', a, b));
}

const RULES: { readonly [K in OpName]: Rule<K> } = {
  input: stored,
  weight: stored,
  constant: ({ op, value, at }) => constantElement(op.attrs, value, at),
  index: ({ value, at }) => cast('i32', positionIn(value.type.axes, at)),
  random: ({ op, value, at, emitter, loop }) => randomElement(op, value, at, emitter, loop),
  runtime: ({ op, emitter }) => runtimeScalar(op, emitter),
  unary: ({ op, operand }) => applyUnary(op.attrs.fn, operand(0)),
  binary: ({ op, operand }) => applyBinary(op.attrs.fn, operand(0), operand(1)),
  where: ({ operand }) => select(operand(0), operand(1), operand(2)),
  cast: ({ op, operand }) => cast(SCALAR[op.attrs.to], operand(0)),
  expand: ({ operand }) => operand(0),
  rename: ({ op, at, operand }) => operand(0, movement.renamed(op, at)),
  split: ({ op, at, operand }) => operand(0, movement.splitIndex(op, at)),
  merge: ({ op, at, operand, axesOf }) => {
    const from = op.attrs.from.map((id) =>
      present(
        axesOf(0).find((axis) => axis.id === id),
        `axis ${id}`,
      ),
    );
    return operand(0, movement.mergedIndex(op, from, at));
  },
  permute: ({ operand }) => operand(0),
  slice: ({ op, at, operand }) => operand(0, movement.sliced(op, at)),
  pad: ({ op, value, at, operand, axesOf }) => {
    const { size } = present(
      axesOf(0).find((axis) => axis.id === op.attrs.from),
      'padded axis',
    );
    const inner = movement.padded(op, size, at);
    return select(inner.inside, operand(0, inner.at), literal(SCALAR[value.type.kind], 0));
  },
  pick: ({ op, at, operand }) => operand(0, movement.picked(op, at)),
  stack: ({ op, at, operand }) => stacked(op, at, operand),
  sum: reduction,
  max: reduction,
  argmax: reduction,
  contract: contraction,
  gather: (pull) => gathered(pull),
  scatter_add: stored,
  put: stored,
  recur: stored,
  stop_gradient: ({ operand }) => operand(0),
  step_total: ({ operand }) => operand(0),
  attend: stored,
  attend_backward_query: stored,
  attend_backward_key: stored,
  loop: stored,
};

/** The element of a result of an op, which is not loaded. */
export function resultElement(
  emitter: Emitter,
  { op, loop }: Extract<Definition, { kind: 'op' }>,
  value: Value,
  at: Env,
): Expr {
  const { context } = emitter.writer;
  const id = (i: number): ValueId => present(op.operands[i], `operand ${i} of ${op.kind}`);
  const axesOf = (i: number): readonly Axis[] => context.value(id(i)).type.axes;
  const operand = (i: number, inner: Env = at): Expr => emitter.element(id(i), inner);
  // The type checker does not see that an op and the rule of its kind belong together.
  const rule = RULES[op.kind] as (pull: AnyPull) => Expr;
  return rule({ op, value, at, emitter, loop, operand, axesOf });
}

/**
 * The element of a parameter that is not stored: of a loop, the slice of a stacked operand that belongs to the
 * iteration. That of a constant is a uniform.
 */
export function parameterElement(
  emitter: Emitter,
  { owner, index }: Extract<Definition, { kind: 'param' }>,
  value: Value,
  at: Env,
): Expr {
  const { writer } = emitter;
  invariant(owner.kind === 'loop' && index >= owner.attrs.carried, `parameter ${index} of ${owner.kind} is not known`);
  const operand = present(owner.operands[index], 'operand of a loop');
  const source = writer.context.definition(operand);
  const { axis } = owner.attrs;
  if (source.kind === 'op' && source.op.kind === 'constant') {
    const type = value.type.kind === 'float' ? 'f32' : 'i32';
    const wish = value.name === undefined ? `${axis.name}_constant` : shortName(writer.context, value.id);
    const number = writer.uniform(wish, type, { kind: 'table', value: value.id });
    return value.type.kind === 'bool' ? binary('ne', number, i32(0)) : number;
  }
  return emitter.element(operand, new Map(at).set(axis.id, emitter.iteration(axis.size)));
}

function positionIn(axes: readonly Axis[], at: Env): Expr {
  return rowMajor(axes, (axis) => movement.indexAt(at, axis.id));
}

/** A number, or of a table outside its loop the one that is found by comparing the index. */
function constantElement({ values }: OpAttrs['constant'], value: Value, at: Env): Expr {
  const type = SCALAR[value.type.kind];
  const last = literal(type, present(values.at(-1), 'value of a constant'));
  const axis = value.type.axes[0];
  if (axis === undefined) return last;
  const index = movement.indexAt(at, axis.id);
  return choose(
    index,
    values.map((v) => literal(type, v)),
  );
}

/** The entry of `choices` that `index` names. */
function choose(index: Expr, choices: readonly Expr[]): Expr {
  if (index.kind === 'literal') return present(choices[index.value], 'choice');
  const last = present(choices.at(-1), 'choice');
  const isBelow = (n: number): Expr =>
    index.kind === 'binary' && index.op === 'div' && index.right.kind === 'literal'
      ? binary('lt', index.left, literal('u32', n * index.right.value))
      : binary('lt', index, literal('u32', n));
  return choices.slice(0, -1).reduceRight((otherwise, choice, i) => select(isBelow(i + 1), choice, otherwise), last);
}

function stacked(op: OpOf<'stack'>, at: Env, operand: (i: number, at?: Env) => Expr): Expr {
  const index = movement.indexAt(at, op.attrs.axis.id);
  if (index.kind === 'literal') return operand(index.value);
  return choose(
    index,
    op.operands.map((_, i) => operand(i)),
  );
}

/** An id as an index: ids are clamped, unless they come from an index that is known to be small enough. */
function indexOfId(id: Expr, size: number): Expr {
  if (id.kind === 'cast' && id.operand.type === 'u32' && boundOf(id.operand) < size) return id.operand;
  if (id.kind === 'literal') return atMost(literal('u32', Math.max(0, id.value)), size - 1);
  const clamped = binary('min', binary('max', id, i32(0)), i32(size - 1));
  return bounded(cast('u32', clamped), size - 1);
}

function gathered({ op, at, operand, axesOf }: Pull<'gather'>): Expr {
  const axis = present(
    axesOf(0).find((a) => a.id === op.attrs.axis),
    'gathered axis',
  );
  const id = operand(1, movement.restricted(at, axesOf(1)));
  return operand(0, new Map(at).set(axis.id, indexOfId(id, axis.size)));
}

function runtimeScalar(op: OpOf<'runtime'>, { writer }: Emitter): Expr {
  const { scalar } = op.attrs;
  const type = scalar === 'step' ? 'u32' : 'f32';
  return cast('f32', writer.uniform(scalar, type, { kind: 'runtime', name: scalar }));
}

function randomElement(
  op: OpOf<'random'>,
  value: Value,
  at: Env,
  emitter: Emitter,
  loop: OpOf<'loop'> | undefined,
): Expr {
  const host = (name: string): Expr => emitter.writer.uniform(name, 'u32', { kind: 'runtime', name });
  const iteration = loop ? emitter.iteration(loop.attrs.axis.size) : literal('u32', 0);
  const element = positionIn(value.type.axes, at);
  const counters = [host('seed'), host('step'), host('micro'), iteration, element];
  return { kind: 'random', type: 'f32', key: randomKey(op.attrs.path), counters };
}
