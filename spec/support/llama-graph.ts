/** The loss of a small LLaMA, built op by op: what elaboration makes of a spec, roughly. */
import type { AttendAttrs, Axis, AxisId, Graph, ValueId, Weight, WeightId } from '../../src/compiler/ir/graph.ts';
import { floats, tensor } from '../../src/compiler/ir/tensor-type.ts';
import { type Builder, makeBuilder } from '../../src/compiler/ops/builder.ts';
import * as m from '../../src/compiler/ops/make.ts';
import { GENERATED } from '../../src/compiler/support/source.ts';

export const axis = (name: string, size: number): Axis => ({ id: name as AxisId, name, size });

export function weight(name: string, axes: readonly Axis[], stacked?: Axis): Weight {
  const members = Array.from({ length: stacked?.size ?? 1 }, (_, i) => ({
    name: stacked ? `${stacked.name}.${i}.${name}` : name,
    init: { kind: 'normal' as const, std: 0.02 },
    lr: 1,
    eps: 1,
    decay: 1,
    clip: undefined,
    freeze: false,
  }));
  return { id: name as WeightId, axes, stacked, members, span: GENERATED };
}

const time = axis('time', 17);
const key = axis('key', 17);
const head = axis('head', 8);
const half = axis('half', 4);
const two = axis('two', 2);
const width = axis('width', 24);
const hidden = axis('hidden', 40);
const vocab = axis('vocab', 61);

/** What is done to x before a branch; the gain comes after it. */
export type Norm = (b: Builder, x: ValueId) => ValueId;

export interface LlamaOptions {
  readonly depth?: number;
  readonly batch?: number;
  readonly groups?: number;
  /** Multiply what a norm gives by a number of the layer, as LayerNorm Scaling does. */
  readonly scaled?: boolean;
  readonly norm?: Norm;
  readonly activation?: Activation;
}

export const rmsNorm: Norm = (b, x) => {
  const mean = m.mul(b, m.sum(b, m.mul(b, x, x), [width.id]), m.scalar(b, 1 / width.size));
  return m.mul(b, x, m.unary(b, 'rsqrt', m.add(b, mean, m.scalar(b, 1e-6))));
};

/** x / (1 + max |x|), which no library knows. */
export const maxNorm: Norm = (b, x) => {
  const most = b.op('max', { axes: [width.id] }, [m.unary(b, 'abs', x)]);
  return m.binary(b, 'div', x, m.add(b, most, m.scalar(b, 1)));
};

/** The activation of the gate. */
export type Activation = (b: Builder, x: ValueId) => ValueId;

export const silu: Activation = (b, x) => {
  const one = m.scalar(b, 1);
  return m.mul(b, x, m.binary(b, 'div', one, m.add(b, m.unary(b, 'exp', m.unary(b, 'neg', x)), one)));
};

/** x * tanh(log(1 + exp(x))). */
export const mish: Activation = (b, x) => {
  const softplus = m.unary(b, 'log', m.add(b, m.unary(b, 'exp', x), m.scalar(b, 1)));
  return m.mul(b, x, m.unary(b, 'tanh', softplus));
};

export function llamaGraph(options: LlamaOptions = {}): Graph {
  const batch = axis('batch', options.batch ?? 3);
  const depth = axis('layer', options.depth ?? 2);
  const kv = axis('kv', 2);
  const group = axis('group', options.groups ?? 1);
  const norm = options.norm ?? rmsNorm;
  const activation = options.activation ?? silu;
  const b = makeBuilder();

  const tokens = b.input({ name: 'tokens', type: tensor('int', [batch, time]) });
  const targets = b.input({ name: 'targets', type: tensor('int', [batch, time]) });
  const table = b.weight(weight('embed.table', [vocab, width]));
  const [wq, wk, wv, wo, wGate, wUp, wDown, gain1, gain2] = [
    b.weight(weight('attn.wq', [width, kv, group, head], depth)),
    b.weight(weight('attn.wk', [width, kv, head], depth)),
    b.weight(weight('attn.wv', [width, kv, head], depth)),
    b.weight(weight('attn.wo', [kv, group, head, width], depth)),
    b.weight(weight('ffn.w_gate', [width, hidden], depth)),
    b.weight(weight('ffn.w_up', [width, hidden], depth)),
    b.weight(weight('ffn.w_down', [hidden, width], depth)),
    b.weight(weight('attn.gain', [width], depth)),
    b.weight(weight('ffn.gain', [width], depth)),
  ];
  const gain = b.weight(weight('final.gain', [width]));
  const wHead = b.weight(weight('head.w', [width, vocab]));

  const exponent = m.mul(b, b.op('cast', { to: 'float' }, [m.index(b, [half])]), m.scalar(b, -1 / half.size));
  const frequency = m.binary(b, 'pow', m.scalar(b, 10000), exponent);
  const place = b.op('cast', { to: 'float' }, [m.index(b, [time])]);
  const angle = m.contract(b, place, frequency, []);
  const cos = m.unary(b, 'cos', angle, { name: 'cos' });
  const sin = m.unary(b, 'sin', angle, { name: 'sin' });

  const rope = (x: ValueId, name: string): ValueId => {
    const parts = b.op('split', { from: head.id, into: [two, half] }, [x]);
    const first = b.op('pick', { axis: two.id, index: 0 }, [parts]);
    const second = b.op('pick', { axis: two.id, index: 1 }, [parts]);
    const turned = [
      m.binary(b, 'sub', m.mul(b, first, cos), m.mul(b, second, sin)),
      m.add(b, m.mul(b, second, cos), m.mul(b, first, sin)),
    ];
    const stacked = b.op('stack', { axis: two }, turned);
    return b.op('merge', { from: [two.id, half.id], into: head }, [stacked], { name });
  };

  const floatsAt = [batch, time, kv, group, key];
  const attention = (): AttendAttrs => ({
    over: time.id,
    key,
    on: head.id,
    scale: 1 / Math.sqrt(head.size),
    mask: b.block([{ type: tensor('int', floatsAt) }, { type: tensor('int', floatsAt) }], ([i, j]) =>
      i === undefined || j === undefined ? [] : [m.binary(b, 'le', j, i)],
    ),
    score: b.block(
      [{ type: floats(floatsAt) }, { type: tensor('int', floatsAt) }, { type: tensor('int', floatsAt) }],
      ([s]) => (s === undefined ? [] : [s]),
    ),
  });

  const scales = m.table(
    b,
    depth,
    Array.from({ length: depth.size }, (_, l) => 1 / Math.sqrt(l + 1)),
  );
  const normed = (x: ValueId, g: ValueId, scale: ValueId | undefined, name: string): ValueId => {
    const y = m.mul(b, norm(b, x), g);
    return m.mul(b, y, scale ?? m.scalar(b, 1), { name });
  };

  // Forward.
  const x0 = b.op('gather', { axis: vocab.id }, [table, tokens], { name: 'x' });
  const forward = b.loop({ axis: depth, carried: [{ initial: x0, name: 'x' }] });
  const x = forward.carried[0] ?? x0;
  const scale = options.scaled ? forward.slice(scales) : undefined;
  const xn1 = normed(x, forward.slice(gain1), scale, 'layer.attn.normed');
  const qRaw = m.contract(b, xn1, forward.slice(wq), [width.id], { name: 'layer.attn.q_raw' });
  const kRaw = m.contract(b, xn1, forward.slice(wk), [width.id], { name: 'layer.attn.k_raw' });
  const v = m.contract(b, xn1, forward.slice(wv), [width.id], { name: 'layer.attn.value' });
  const q = rope(qRaw, 'layer.attn.query');
  const k = rope(kRaw, 'layer.attn.key');
  const [o = q] = b.opAll('attend', attention(), [q, k, v], { names: ['layer.attn.o', 'layer.attn.lse'] });
  const mixed = m.contract(b, o, forward.slice(wo), [kv.id, group.id, head.id]);
  const x1 = m.add(b, x, mixed, { name: 'layer.x1' });
  const xn2 = normed(x1, forward.slice(gain2), scale, 'layer.ffn.normed');
  const gate = m.contract(b, xn2, forward.slice(wGate), [width.id], { name: 'layer.ffn.gate' });
  const up = m.contract(b, xn2, forward.slice(wUp), [width.id], { name: 'layer.ffn.up' });
  const h = m.mul(b, activation(b, gate), up, { name: 'layer.ffn.h' });
  const x2 = m.add(b, x1, m.contract(b, h, forward.slice(wDown), [hidden.id]), { name: 'layer.x2' });
  const [xLast = x0] = forward.end([x2], []);

  const final = normed(xLast, gain, undefined, 'final');
  const logits = m.contract(b, final, wHead, [width.id], { name: 'logits' });
  const shifted = m.binary(b, 'sub', logits, b.op('max', { axes: [vocab.id] }, [logits]));
  const exps = m.unary(b, 'exp', shifted);
  const total = m.sum(b, exps, [vocab.id]);
  const hit = m.conform(
    b,
    m.binary(b, 'eq', m.expand(b, targets, [vocab]), m.conform(b, m.index(b, [vocab]), [batch, time, vocab])),
    [batch, time, vocab],
  );
  const zero = m.scalar(b, 0);
  const chosen = m.sum(b, m.where(b, hit, shifted, zero), [vocab.id]);
  const counted = b.op('cast', { to: 'float' }, [m.binary(b, 'ge', targets, m.intScalar(b, 0))]);
  const ce = m.mul(b, m.binary(b, 'sub', m.unary(b, 'log', total), chosen), counted);
  const count = m.sum(b, counted, [batch.id, time.id]);
  const loss = m.binary(b, 'div', m.sum(b, ce, [batch.id, time.id]), count, { name: 'loss' });

  return b.finish([{ name: 'loss', value: loss }]);
}
