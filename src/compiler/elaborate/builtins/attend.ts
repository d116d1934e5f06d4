/** Attention: one op where its score is element-wise and without gradients of its own, else what it is defined as. */
import type { Axis, Block, Value as IrValue, Op, ValueId } from '../../ir/graph.ts';
import { axesWithout, floats, isSubset, tensor as tensorType, withoutIds } from '../../ir/tensor-type.ts';
import { present } from '../../support/invariant.ts';
import type { Span } from '../../support/source.ts';
import { contractOver } from '../contract.ts';
import { axesText, axisLabels, tensorText } from '../describe.ts';
import { constant, emit, emitAll, freshValue, indexOver, tensorOf } from '../emit.ts';
import { requireAligned, requireKind } from '../pointwise.ts';
import { refuse, type Session } from '../session.ts';
import type { Tensor, Value } from '../value.ts';
import { wantNumber, wantTensor } from '../want.ts';
import { argument, axisArgument, type BuiltinCall, type BuiltinTable } from './builtin.ts';
import { exponentials, makerOf } from './reductions.ts';

interface Attention {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly over: Axis;
  readonly key: Axis;
  readonly on: Axis;
  readonly scale: number;
  /** The axes of the scores: those of q without `on`, then the key. */
  readonly axes: readonly Axis[];
}

/**
 * `attend(q, k, v, over = time, on = head)` is
 * `softmax(score(scale * q @[head] k[time -> key], i, j) where mask(i, j), over = key) @[key] v[time -> key]`.
 */
function attend(call: BuiltinCall): Tensor {
  const attention = readArguments(call);
  const blocks = elementwise(call, attention);
  return blocks ? fused(call, attention, blocks) : composed(call, attention);
}

function readArguments(call: BuiltinCall): Attention {
  const part = (name: string): Tensor => {
    const { value, span } = argument(call, name);
    const tensor = wantTensor(value, span);
    requireKind(tensor, ['float'], span);
    return tensor;
  };
  const [q, k, v] = [part('q'), part('k'), part('v')];
  const span = (name: string): Span => argument(call, name).span;
  const over = axisArgument(call, argument(call, 'over'), q, span('q'));
  const on = axisArgument(call, argument(call, 'on'), q, span('q'));
  for (const [name, tensor] of [
    ['k', k],
    ['v', v],
  ] as const)
    axisArgument(call, argument(call, 'over'), tensor, span(name));
  axisArgument(call, argument(call, 'on'), k, span('k'));
  if (over.id === on.id) refuse('axis-twice', { axis: over.name, where: '`over` and `on`' }, call.span);
  if (!isSubset(k.value.type.axes, q.value.type.axes)) {
    const extra = axesWithout(k.value.type.axes, q.value.type.axes);
    refuse('attend-key-axes', { axes: axesText(extra) }, span('k'), axisLabels(call.session, extra));
  }
  const key = call.session.axes.declare('key', over.size, call.span);
  const given = call.given.get('scale');
  const scale = given ? wantNumber(given.value, given.span, 'the scale, a number') : 1;
  return { q, k, v, over, key, on, scale, axes: [...withoutIds(q.value.type.axes, [on.id]), key] };
}

interface Blocks {
  readonly mask: Block;
  readonly score: Block;
  readonly captures: readonly Tensor[];
}

const ELEMENTWISE: readonly Op['kind'][] = ['unary', 'binary', 'where', 'cast', 'stop_gradient'];

/** Mask and score as blocks of one element; undefined when they do more than that. */
function elementwise(call: BuiltinCall, attention: Attention): Blocks | undefined {
  const { session } = call;
  const captured = new Map<ValueId, Tensor>();
  const position = (): Tensor => tensorOf(freshValue(session, tensorType('int', attention.axes)), false, true);
  const score = [tensorOf(freshValue(session, floats(attention.axes)), false, true), position(), position()];
  const mask = [position(), position()];
  const scored = inBlock(call, 'score', score, attention);
  const masked = inBlock(call, 'mask', mask, attention);
  if (!scored || !masked) return undefined;
  const known = new Map<ValueId, Tensor>([...scored.outside, ...masked.outside]);
  for (const tensor of known.values()) {
    if (tensor.learned || !isSubset(tensor.value.type.axes, attention.axes)) return undefined;
    if (!isScalarConstant(session, tensor)) captured.set(tensor.value.id, tensor);
  }
  const captures = [...captured.values()];
  return {
    mask: close(session, masked, mask, captures),
    score: close(session, scored, score, captures),
    captures,
  };
}

interface Opened {
  readonly ops: readonly Op[];
  readonly result: Tensor;
  /** Tensors of the surrounding body that the block uses. */
  readonly outside: ReadonlyMap<ValueId, Tensor>;
}

/** Elaborates `name` on elements; undefined when an op needs more than one element. */
function inBlock(
  call: BuiltinCall,
  name: 'mask' | 'score',
  params: readonly Tensor[],
  attention: Attention,
): Opened | undefined {
  const { session } = call;
  const before = session.inner;
  const ops: Op[] = [];
  session.inner = { ops, types: new Map(params.map((p) => [p.value.id, p.value.type])), used: new Map() };
  try {
    const result = resultOf(call, name, params, attention);
    const block = session.inner;
    if (ops.some((op) => !ELEMENTWISE.includes(op.kind))) return undefined;
    const outside = new Map(block.used);
    if (!result.inner) outside.set(result.value.id, result);
    return { ops, result, outside };
  } finally {
    session.inner = before;
  }
}

/** The value of the mask or score, checked. A mask may be a constant. */
function resultOf(call: BuiltinCall, name: 'mask' | 'score', params: readonly Tensor[], { axes }: Attention): Tensor {
  const { session } = call;
  const given = call.given.get(name);
  const first = present(params[0], 'a parameter');
  if (!given) return name === 'score' ? first : constant(session, 1, 'bool', call.span);
  const value = session.language.apply(
    given.value,
    params,
    present(call.nodes.get(name), 'an argument'),
    given.span,
    call.scope,
  );
  const wanted = name === 'mask' ? 'bool' : 'float';
  const tensor =
    value.kind === 'bool' && name === 'mask' ? constant(session, Number(value.value), 'bool', given.span) : value;
  if (tensor.kind !== 'tensor' || tensor.value.type.kind !== wanted || !isSubset(tensor.value.type.axes, axes)) {
    const found = tensor.kind === 'tensor' ? tensorText(tensor) : describe(value);
    refuse(
      'attend-block-type',
      { name, wanted: `${wanted === 'bool' ? 'bool' : ''}${axesText(axes)}`, found },
      given.span,
    );
  }
  return tensor;
}

function describe(value: Value): string {
  return value.kind === 'number' ? 'a number' : value.kind;
}

function isScalarConstant(session: Session, tensor: Tensor): boolean {
  return session.constants.has(tensor.value.id);
}

/** The block with constants of its own and parameters for what it captures. */
function close(session: Session, opened: Opened, params: readonly Tensor[], captures: readonly Tensor[]): Block {
  const renamed = new Map<ValueId, ValueId>();
  const fresh = (value: IrValue): IrValue => {
    const copy = { ...freshValue(session, value.type), name: session.names.get(value.id) };
    renamed.set(value.id, copy.id);
    return copy;
  };
  const given = captures.map((capture) => fresh(capture.value));
  const constants = [...opened.outside.values()].flatMap((tensor): Op[] => {
    const op = session.constants.get(tensor.value.id);
    return op ? [{ ...op, results: op.results.map(fresh) }] : [];
  });
  const map = (id: ValueId): ValueId => renamed.get(id) ?? id;
  const ops = opened.ops.map((op): Op => ({ ...op, operands: op.operands.map(map) }));
  return {
    params: [...params.map((p) => p.value), ...given],
    ops: [...constants, ...ops],
    results: [map(opened.result.value.id)],
  };
}

function fused(call: BuiltinCall, attention: Attention, { mask, score, captures }: Blocks): Tensor {
  const { q, k, v, over, key, on, scale } = attention;
  const { session } = call;
  session.inner = { ops: [], types: blockTypes([mask, score]), used: new Map() };
  try {
    const attrs = { over: over.id, key, on: on.id, scale, mask, score };
    const [o] = emitAll(session, 'attend', attrs, [q, k, v, ...captures], call.span);
    return present(o, 'the result of attend');
  } finally {
    session.inner = undefined;
  }
}

function blockTypes(blocks: readonly Block[]): Map<ValueId, IrValue['type']> {
  const values = blocks.flatMap((block) => [...block.params, ...block.ops.flatMap((op) => op.results)]);
  return new Map(values.map((value) => [value.id, value.type]));
}

/** Far below any score, and still a number in f32. */
const UNSEEN = -1e30;

/** What attention is by definition, for scores that learn or that look at more than one element. */
function composed(call: BuiltinCall, attention: Attention): Tensor {
  const { session, span } = call;
  const { q, k, v, over, key, on, scale, axes } = attention;
  const make = makerOf(session, span);
  const toKey = (x: Tensor): Tensor => emit(session, 'rename', { from: over.id, to: key }, [x], span);
  const product = make.binary('mul', contractOver(session, q, toKey(k), [on], span), scale);
  const spread = (x: Tensor): Tensor => {
    const missing = axesWithout(axes, x.value.type.axes);
    if (missing.length === 0) return x;
    const wide = emit(session, 'expand', { axes: missing }, [x], span);
    return emit(session, 'permute', { axes: axes.map((a) => a.id) }, [wide], span);
  };
  const [i, j] = [spread(indexOver(session, [over], span)), spread(indexOver(session, [key], span))];
  const scored = resultOf(call, 'score', [product, i, j], attention);
  const seen = resultOf(call, 'mask', [i, j], attention);
  requireAligned(session, [scored, seen, product], span);
  const masked = make.where(seen, spread(scored), UNSEEN);
  const { exp, sum } = exponentials(make, masked, [key]);
  const weights = make.binary('div', exp, sum);
  return contractOver(session, weights, toKey(v), [key], span);
}

export const ATTENTION: BuiltinTable = {
  attend: { params: ['q', 'k', 'v', 'over', 'on', 'scale?', 'mask?', 'score?'], run: attend },
};
