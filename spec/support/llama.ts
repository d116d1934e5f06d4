/** A LLaMA-style model built by hand, as the elaborator would build it: for tests of what works on graphs. */
import type { Axis, AxisId, Graph, ValueId } from '../../src/compiler/ir/graph.ts';
import { floats, tensor } from '../../src/compiler/ir/tensor-type.ts';
import { type Builder, type LoopBuilder, makeBuilder } from '../../src/compiler/ops/builder.ts';
import * as m from '../../src/compiler/ops/make.ts';
import { axis, makeWeight } from './gradient-check.ts';

export interface Dims {
  readonly depth: number;
  readonly batch: number;
  readonly time: number;
  readonly vocab: number;
  readonly heads: number;
  readonly head: number;
  readonly hidden: number;
}

export interface LlamaOptions {
  /** The factor on both norms of each block. */
  readonly scale?: readonly number[];
}

interface Axes {
  readonly layer: Axis;
  readonly batch: Axis;
  readonly time: Axis;
  readonly key: Axis;
  readonly vocab: Axis;
  readonly width: Axis;
  readonly heads: Axis;
  readonly head: Axis;
  readonly half: Axis;
  readonly hidden: Axis;
}

function axesOf({ depth, batch, time, vocab, heads, head, hidden }: Dims): Axes {
  return {
    layer: axis('layer', depth),
    batch: axis('batch', batch),
    time: axis('time', time),
    key: axis('key', time),
    vocab: axis('vocab', vocab),
    width: axis('width', heads * head),
    heads: axis('heads', heads),
    head: axis('head', head),
    half: axis('half', head / 2),
    hidden: axis('hidden', hidden),
  };
}

const at = (ids: readonly ValueId[], i: number): ValueId => {
  const id = ids[i];
  if (id === undefined) throw new Error(`no value ${i}`);
  return id;
};

function rmsNorm(b: Builder, x: ValueId, gain: ValueId, width: Axis, name: string): ValueId {
  const squares = m.sum(b, m.mul(b, x, x), [width.id]);
  const mean = m.mul(b, squares, m.scalar(b, 1 / width.size));
  const factor = m.unary(b, 'rsqrt', m.add(b, mean, m.scalar(b, 1e-6)));
  return m.mul(b, m.mul(b, x, factor), gain, { name });
}

/** Half-split rotation of `x`'s head axis by its time. */
function rope(b: Builder, x: ValueId, a: Axes): ValueId {
  const float = (id: ValueId): ValueId => b.op('cast', { to: 'float' }, [id]);
  const rate = m.mul(b, float(m.index(b, [a.half])), m.scalar(b, (-2 * Math.log(10000)) / a.head.size));
  const angle = m.contract(b, float(m.index(b, [a.time])), m.unary(b, 'exp', rate), []);
  const [cos, sin] = [m.unary(b, 'cos', angle), m.unary(b, 'sin', angle)];
  const low = b.op('slice', { from: a.head.id, start: 0, into: a.half }, [x]);
  const high = b.op('slice', { from: a.head.id, start: a.half.size, into: a.half }, [x]);
  const turnedLow = m.binary(b, 'sub', m.mul(b, low, cos), m.mul(b, high, sin));
  const turnedHigh = m.add(b, m.mul(b, high, cos), m.mul(b, low, sin));
  const padded = (part: ValueId, before: number): ValueId =>
    b.op('pad', { from: a.half.id, before, into: a.head }, [part]);
  return m.add(b, padded(turnedLow, 0), padded(turnedHigh, a.half.size));
}

function attention(b: Builder, loop: LoopBuilder, x: ValueId, a: Axes): ValueId {
  const weight = (name: string): ValueId => {
    const w = b.weight(makeWeight(`attn.${name}`, [a.width, axis('inner', a.width.size)], a.layer));
    const split = b.op('split', { from: 'inner' as AxisId, into: [a.heads, a.head] }, [loop.slice(w)]);
    return m.contract(b, x, split, [a.width.id], { name: `layer.attn.${name}` });
  };
  const [q, k, v] = [rope(b, weight('wq'), a), rope(b, weight('wk'), a), weight('wv')];
  const axes = [a.batch, a.time, a.heads, a.key];
  const places = [{ type: tensor('int', axes) }, { type: tensor('int', axes) }];
  const mask = b.block(places, ([i = x, j = x]) => [m.binary(b, 'le', j, i)]);
  const score = b.block([{ type: floats(axes) }, ...places], ([s = x]) => [s]);
  const attrs = { over: a.time.id, key: a.key, on: a.head.id, scale: a.head.size ** -0.5, mask, score };
  const o = at(b.opAll('attend', attrs, [q, k, v]), 0);
  const rows = b.weight(makeWeight('attn.wo', [axis('inner', a.width.size), a.width], a.layer));
  const wo = b.op('split', { from: 'inner' as AxisId, into: [a.heads, a.head] }, [loop.slice(rows)]);
  return m.contract(b, o, wo, [a.heads.id, a.head.id], { name: 'layer.attn' });
}

function swiGlu(b: Builder, loop: LoopBuilder, x: ValueId, a: Axes): ValueId {
  const weight = (name: string, ...axes: Axis[]): ValueId => loop.slice(b.weight(makeWeight(name, axes, a.layer)));
  const gate = m.contract(b, x, weight('ffn.w_gate', a.width, a.hidden), [a.width.id], { name: 'layer.ffn.gate' });
  const up = m.contract(b, x, weight('ffn.w_up', a.width, a.hidden), [a.width.id], { name: 'layer.ffn.up' });
  const one = m.scalar(b, 1);
  const sigmoid = m.binary(b, 'div', one, m.add(b, one, m.unary(b, 'exp', m.unary(b, 'neg', gate))));
  const hidden = m.mul(b, m.mul(b, gate, sigmoid), up, { name: 'layer.ffn.hidden' });
  return m.contract(b, hidden, weight('ffn.w_down', a.hidden, a.width), [a.hidden.id], { name: 'layer.ffn' });
}

/** The mean over tokens of -log softmax(logits)[target]. */
function crossEntropy(b: Builder, logits: ValueId, targets: ValueId, a: Axes): ValueId {
  const largest = b.op('stop_gradient', {}, [b.op('max', { axes: [a.vocab.id] }, [logits])]);
  const shifted = m.binary(b, 'sub', logits, largest);
  const total = m.unary(b, 'log', m.sum(b, m.unary(b, 'exp', shifted), [a.vocab.id]));
  const picked = b.op('gather', { axis: a.vocab.id }, [shifted, targets]);
  const losses = m.binary(b, 'sub', total, picked);
  const count = m.scalar(b, 1 / (a.batch.size * a.time.size));
  return m.mul(b, m.sum(b, losses, [a.batch.id, a.time.id]), count, { name: 'loss' });
}

/** Inputs `tokens` and `targets`, outputs `loss` and `logits`; stacked weights named as in the oracle cases. */
export function buildLlama(dims: Dims, { scale }: LlamaOptions = {}): Graph {
  const b = makeBuilder();
  const a = axesOf(dims);
  const tokens = b.input({ name: 'tokens', type: tensor('int', [a.batch, a.time]) });
  const targets = b.input({ name: 'targets', type: tensor('int', [a.batch, a.time]) });
  const table = b.weight(makeWeight('embed.tokens', [a.vocab, a.width]));
  const embedded = b.op('gather', { axis: a.vocab.id }, [table, tokens], { name: 'embed' });
  const loop = b.loop({ axis: a.layer, carried: [{ initial: embedded, name: 'x' }] });
  const factor = scale && loop.slice(loop.outer(() => m.table(b, a.layer, scale)));
  const norm = (x: ValueId, name: string): ValueId => {
    const gain = loop.slice(b.weight(makeWeight(`${name}.gain`, [a.width], a.layer)));
    const normed = rmsNorm(b, x, gain, a.width, `layer.${name}`);
    return factor === undefined ? normed : m.mul(b, normed, factor);
  };
  const x = at(loop.carried, 0);
  const middle = m.add(b, x, attention(b, loop, norm(x, 'norm1'), a), { name: 'layer.middle' });
  const next = m.add(b, middle, swiGlu(b, loop, norm(middle, 'norm2'), a), { name: 'layer.x' });
  const last = at(loop.end([next], []), 0);
  const final = rmsNorm(b, last, b.weight(makeWeight('final_norm.gain', [a.width])), a.width, 'final');
  const head = b.weight(makeWeight('head.weight', [a.width, a.vocab]));
  const logits = m.contract(b, final, head, [a.width.id], { name: 'logits' });
  return b.finish([
    { name: 'loss', value: crossEntropy(b, logits, targets, a) },
    { name: 'logits', value: logits },
  ]);
}
