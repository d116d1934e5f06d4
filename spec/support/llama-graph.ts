/** The joint graph of a small LLaMA, built op by op: what elaboration and autodiff make of a spec, roughly. */
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

/** A norm and its gradient: forward gives y, backward gives the gradients of x and gain. */
export interface Norm {
  readonly forward: (b: Builder, x: ValueId, gain: ValueId) => ValueId;
  readonly backward: (b: Builder, x: ValueId, gain: ValueId, dy: ValueId) => readonly [ValueId, ValueId];
}

export interface LlamaOptions {
  readonly depth?: number;
  readonly batch?: number;
  readonly groups?: number;
  /** Multiply what a norm gives by a number of the layer, as LayerNorm Scaling does. */
  readonly scaled?: boolean;
  readonly norm?: Norm;
}

export function rmsNorm(batch: Axis): Norm {
  const kept = [batch, time];
  const scaleOf = (b: Builder, x: ValueId): ValueId => {
    const mean = m.mul(b, m.sum(b, m.mul(b, x, x), [width.id]), m.scalar(b, 1 / width.size));
    return m.unary(b, 'rsqrt', m.add(b, mean, m.scalar(b, 1e-6)));
  };
  return {
    forward: (b, x, gain) => m.mul(b, m.mul(b, x, scaleOf(b, x)), gain),
    backward: (b, x, gain, dy) => {
      const r = scaleOf(b, x);
      const normed = m.mul(b, x, r);
      const dGain = m.sum(
        b,
        m.mul(b, dy, normed),
        kept.map((a) => a.id),
      );
      const dn = m.mul(b, dy, gain);
      const along = m.mul(b, m.sum(b, m.mul(b, dn, normed), [width.id]), m.scalar(b, 1 / width.size));
      return [m.mul(b, m.binary(b, 'sub', dn, m.mul(b, normed, along)), r), dGain];
    },
  };
}

/** x / (1 + max |x|), which no library knows. */
export function maxNorm(batch: Axis): Norm {
  const scaleOf = (b: Builder, x: ValueId): ValueId => {
    const most = b.op('max', { axes: [width.id] }, [m.unary(b, 'abs', x)]);
    return m.binary(b, 'div', m.scalar(b, 1), m.add(b, most, m.scalar(b, 1)));
  };
  return {
    forward: (b, x, gain) => m.mul(b, m.mul(b, x, scaleOf(b, x)), gain),
    backward: (b, x, gain, dy) => {
      const r = scaleOf(b, x);
      const dGain = m.sum(b, m.mul(b, dy, m.mul(b, x, r)), [batch.id, time.id]);
      const dn = m.mul(b, dy, gain);
      const along = m.mul(b, m.sum(b, m.mul(b, dn, x), [width.id]), m.mul(b, r, r));
      const most = b.op('argmax', { axis: width.id }, [m.unary(b, 'abs', x)]);
      const chosen = m.binary(b, 'eq', m.expand(b, most, [width]), m.expand(b, m.index(b, [width]), [batch, time]));
      const spike = m.where(b, m.conform(b, chosen, [batch, time, width]), along, m.scalar(b, 0));
      return [m.binary(b, 'sub', m.mul(b, dn, r), spike), dGain];
    },
  };
}

export function llamaGraph(options: LlamaOptions = {}): Graph {
  const batch = axis('batch', options.batch ?? 3);
  const depth = axis('layer', options.depth ?? 2);
  const kv = axis('kv', 2);
  const group = axis('group', options.groups ?? 1);
  const norm = (options.norm ?? rmsNorm(batch)) satisfies Norm;
  const stream = [batch, time, width];
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

  const rope = (x: ValueId, back: boolean, name: string): ValueId => {
    const parts = b.op('split', { from: head.id, into: [two, half] }, [x]);
    const first = b.op('pick', { axis: two.id, index: 0 }, [parts]);
    const second = b.op('pick', { axis: two.id, index: 1 }, [parts]);
    const [plus, minus] = back ? (['add', 'sub'] as const) : (['sub', 'add'] as const);
    const turned = [
      m.binary(b, plus, m.mul(b, first, cos), m.mul(b, second, sin)),
      m.binary(b, minus, m.mul(b, second, cos), m.mul(b, first, sin)),
    ];
    const stacked = b.op('stack', { axis: two }, turned);
    const merged = b.op('merge', { from: [two.id, half.id], into: head }, [stacked]);
    return m.permute(b, merged, b.typeOf(x).axes, { name });
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

  const sigmoid = (x: ValueId): ValueId =>
    m.binary(b, 'div', m.scalar(b, 1), m.add(b, m.unary(b, 'exp', m.unary(b, 'neg', x)), m.scalar(b, 1)));

  const scales = m.table(
    b,
    depth,
    Array.from({ length: depth.size }, (_, l) => 1 / Math.sqrt(l + 1)),
  );
  const normed = (x: ValueId, g: ValueId, scale: ValueId | undefined, name: string): ValueId => {
    const y = norm.forward(b, x, g);
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
  const q = rope(qRaw, false, 'layer.attn.query');
  const k = rope(kRaw, false, 'layer.attn.key');
  const [o = q, lse = q] = b.opAll('attend', attention(), [q, k, v], { names: ['layer.attn.o', 'layer.attn.lse'] });
  const mixed = m.contract(b, o, forward.slice(wo), [kv.id, group.id, head.id]);
  const x1 = m.add(b, x, mixed, { name: 'layer.x1' });
  const xn2 = normed(x1, forward.slice(gain2), scale, 'layer.ffn.normed');
  const gate = m.contract(b, xn2, forward.slice(wGate), [width.id], { name: 'layer.ffn.gate' });
  const up = m.contract(b, xn2, forward.slice(wUp), [width.id], { name: 'layer.ffn.up' });
  const h = m.mul(b, m.mul(b, gate, sigmoid(gate)), up, { name: 'layer.ffn.h' });
  const x2 = m.add(b, x1, m.contract(b, h, forward.slice(wDown), [hidden.id]), { name: 'layer.x2' });
  const saved = [x, xn1, q, k, v, o, lse, x1, xn2, gate, up, h];
  const [xLast = x0, ...kept] = forward.end([x2], saved);

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

  // Backward.
  const share = m.binary(b, 'div', counted, count);
  const soft = m.binary(b, 'sub', m.binary(b, 'div', exps, total), m.where(b, hit, m.scalar(b, 1), zero));
  const dLogits = m.mul(b, soft, share, { name: 'grad.logits' });
  const dHead = m.contract(b, final, dLogits, [batch.id, time.id], { name: 'grad.head.w' });
  const dFinal = m.contract(b, dLogits, wHead, [vocab.id]);
  const [dLast, dGain] = norm.backward(b, xLast, gain, dFinal);

  const backward = b.loop({ axis: depth, reverse: true, carried: [{ initial: dLast, name: 'grad.x' }] });
  const dx2 = backward.carried[0] ?? dLast;
  const back = kept.map((id) => backward.slice(id));
  const [sx = x, sxn1 = x, sq = x, sk = x, sv = x, so = x, slse = x, sx1 = x, sxn2 = x, sgate = x, sup = x, sh = x] =
    back;
  const tokensOf = [batch.id, time.id];
  const backScale = options.scaled ? backward.slice(scales) : undefined;
  const unscale = (dy: ValueId): ValueId => m.mul(b, dy, backScale ?? m.scalar(b, 1));
  const grad = (x: ValueId, dy: ValueId, name: string): ValueId =>
    m.contract(b, x, dy, tokensOf, { name: `grad.${name}` });
  const dh = m.contract(b, dx2, backward.slice(wDown), [width.id]);
  const dwDown = grad(sh, dx2, 'w_down');
  const s = sigmoid(sgate);
  const silu = m.mul(b, sgate, s);
  const dUp = m.mul(b, dh, silu, { name: 'grad.up' });
  const slope = m.mul(b, s, m.add(b, m.mul(b, sgate, m.binary(b, 'sub', m.scalar(b, 1), s)), m.scalar(b, 1)));
  const dGate = m.mul(b, m.mul(b, dh, sup), slope, { name: 'grad.gate' });
  const dxn2 = b.op('contract', { terms: [[hidden.id], [hidden.id]] }, [
    dGate,
    backward.slice(wGate),
    dUp,
    backward.slice(wUp),
  ]);
  const dwGate = grad(sxn2, dGate, 'w_gate');
  const dwUp = grad(sxn2, dUp, 'w_up');
  const [dn2, dg2] = norm.backward(b, sx1, backward.slice(gain2), unscale(dxn2));
  const dx1 = m.add(b, dx2, dn2, { name: 'grad.x1' });
  const dO = m.contract(b, dx1, backward.slice(wo), [width.id], { name: 'grad.o' });
  const dwo = grad(so, dx1, 'wo');
  const [dq = x, delta = x] = b.opAll('attend_backward_query', attention(), [sq, sk, sv, so, slse, dO], {
    names: ['grad.query', 'delta'],
  });
  const [dk = x, dv = x] = b.opAll('attend_backward_key', attention(), [sq, sk, sv, slse, delta, dO], {
    names: ['grad.key', 'grad.value'],
  });
  const dqRaw = rope(dq, true, 'grad.q_raw');
  const dkRaw = rope(dk, true, 'grad.k_raw');
  const dxn1 = b.op(
    'contract',
    {
      terms: [
        [kv.id, group.id, head.id],
        [kv.id, head.id],
        [kv.id, head.id],
      ],
    },
    [dqRaw, backward.slice(wq), dkRaw, backward.slice(wk), dv, backward.slice(wv)],
  );
  const dwq = grad(sxn1, dqRaw, 'wq');
  const dwk = grad(sxn1, dkRaw, 'wk');
  const dwv = grad(sxn1, dv, 'wv');
  const [dn1, dg1] = norm.backward(b, sx, backward.slice(gain1), unscale(dxn1));
  const dx = m.add(b, dx1, dn1, { name: 'grad.x0' });
  const gradients = [dwDown, dwGate, dwUp, dg2, dwo, dwq, dwk, dwv, dg1];
  const [dx0 = dx, ...dWeights] = backward.end([m.permute(b, dx, stream)], gradients);
  const dTable = b.op('scatter_add', { axis: vocab, axes: [vocab, width] }, [dx0, tokens]);

  const named = ['w_down', 'w_gate', 'w_up', 'gain2', 'wo', 'wq', 'wk', 'wv', 'gain1'];
  return b.finish([
    { name: 'loss', value: loss },
    { name: 'grad.embed.table', value: dTable },
    { name: 'grad.head.w', value: dHead },
    { name: 'grad.final.gain', value: dGain },
    ...dWeights.map((value, i) => ({ name: `grad.${named[i]}`, value })),
  ]);
}
