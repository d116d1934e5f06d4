/** Published variants, written in a user's file: each elaborates, at once and one by one to the same program. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { elaborated, LLAMA, weightNames } from './support/elaborated.ts';
import { run, same } from './support/same-program.ts';

const SMALL = ['width=12', 'hidden=16', 'depth=6'];

const SCHEMES: Readonly<Record<string, string>> = {
  HC: `fn HC(n: axis = 4, sinkhorn = 0) = Scheme(
  enter = (x, N) => fill(1, n) @[] x,
  leave = (X, N) => N(sum(X, over = n)),
  site = (X: [n, .., c], f, N, l, L) => {
    axis m = n
    param a, b: [n] ~ 1;  param R: [n, m] ~ eye;  param s: [] ~ 0.01
    param wa, wb: [c] ~ 0;  param wr: [c -> m] ~ 0
    Z = N(X);  A = a + s * tanh(Z @ wa);  B = b + s * tanh(Z @ wb);  M = R + s * tanh(Z @ wr)
    if sinkhorn > 0 {
      M = exp(M)
      for i in 1..sinkhorn { M = M / sum(M, over = m); M = M / sum(M, over = n) }
    }
    return B @[] f(A @[n] X) + (X @[n] M)[m -> n] })`,
  NGPT: `fn unit2(x: [.., c]) = x / norm(x, over = c)
NGPT = Scheme(enter = (x, N) => unit2(x), leave = (x, N) => x, site = (x: [.., c], f, N, l, L) => {
  param a: [c] ~ 1 / sqrt(c)
  return unit2(x + abs(a) * 0.05 * sqrt(c) * (unit2(f(x)) - x)) })`,
  NormFormer: `NormFormer = Scheme(block = (x, fs, N, l, L) => { x = x + N(fs.attn(N(x))); return x + fs.ffn(N(x)) })`,
  HybridNormStar: `HybridNormStar = Scheme(block = (x, fs, N, l, L) => {
  x = x + fs.attn(if l == 1 then N(x) else x);  y = N(x);  return y + fs.ffn(y) })`,
  X0Mix: `X0Mix = Scheme(enter = (x, N) => (x, x), leave = ((x, x0), N) => N(x), block = ((x, x0), fs, N, l, L) => {
  param a: [] ~ 1; param b: [] ~ 0
  return (PreNorm.block(a * x + b * x0, fs, N, l, L), x0) })`,
  AttentionResiduals: `fn mix(hs) {
  axis past = len(hs); v: [past, .., c] = stack(hs, past); param q: [c] ~ 0
  return softmax(RMSNorm()(v) @ q, over = past) @[past] v
}
AttentionResiduals = Scheme(enter = (x, N) => [x], leave = (hs, N) => N(mix(hs)), site = (hs, f, N, l, L) => append(hs, f(N(mix(hs)))))`,
  UNet: `UNet = Scheme(enter = (x, N) => (x, []), leave = ((x, hs), N) => N(x), block = ((x, hs), fs, N, l, L) => {
  if l > ceil(L / 2) { param w: [] ~ 1; x = x + w * last(hs); hs = drop_last(hs) }
  x = PreNorm.block(x, fs, N, l, L)
  if l <= floor(L / 2) { hs = append(hs, x) }
  return (x, hs) })`,
  Admin: `fn Admin(w) = Scheme(leave = (x, N) => x, block = (x: [.., c], fs, N, l, L) => {
  i = 2 * l - 2
  for f in fs { i = i + 1; param omega: [c] ~ w[i]; x = N(x * omega + f(x)) }; return x })`,
  ProRes: `fn ProRes(T) = Scheme(site = (x, f, N, l, L) => x + clamp(step / (T * l), 0, 1) * f(N(x)))`,
  StochasticDepth: `fn StochasticDepth(p) = Scheme(site = (x, f, N, l, L) => { r = p * l / L
  return if training then x + where(uniform() >= r, 1 / (1 - r), 0) * f(N(x)) else x + f(N(x)) })`,
  TFixup: `TFixup = Scheme(leave = (x, N) => x, site = (x, f, N, l, L) => { weights f.**.{wv, wo, w_up, w_down} { init = (9 * L) ^ -0.25 * init }; return x + f(x) })`,
  OnlyAttention: `fn Only(which) = Scheme(block = (x, fs, N, l, L) => { for k, f in fs { x = x + f(N(x) / (if k == which then sqrt(l) else 1)) }; return x })
OnlyAttention = Only("attn")`,
};

const CALLS: Readonly<Record<string, string>> = {
  HC: 'HC()',
  Admin: 'Admin([1, 1.5, 1, 1.25, 1, 1.125, 1, 1, 1, 1, 1, 1])',
  ProRes: 'ProRes(10)',
  StochasticDepth: 'StochasticDepth(0.5)',
};

function withScheme(name: string): string {
  return LLAMA.replace('use std.schemes.{PreNorm}', `use std.schemes.{PreNorm, Scheme}\n${SCHEMES[name]}`)
    .replace('    probe variance = mean(var(x, over = width))\n', '')
    .replace('scheme = PreNorm', `scheme = ${CALLS[name] ?? name}`);
}

for (const name of Object.keys(SCHEMES)) {
  test(name, () => same(withScheme(name), SMALL));
}

test('hyper-connections with Sinkhorn', () => {
  same(withScheme('HC').replace('scheme = HC()', 'scheme = HC(sinkhorn = 3)'), SMALL);
});

const ATTENTIONS: Readonly<Record<string, string>> = {
  'Qwen3: norms on queries and keys': 'Attention(heads, kv, q = (y, t) => rope(RMSNorm()(y), t, 1_000_000))',
  'Gemma 2: soft capped scores': 'Attention(heads, kv, score = (s, i, j) => softcap(s, 50))',
  ALiBi:
    'Attention(heads, q = (y, t) => y, score = (s: [.., kv, group, key], i, j) => s - 2 ^ (-8 * (float(index(kv, group)) + 1) / (kv * group)) @[] float(i - j))',
  'a learned bias of the score':
    'Attention(heads, score = (s: [.., kv, group, key], i, j) => { param slope: [kv] ~ 0.1; return s - slope * float(i - j) })',
  'a gain on the heads':
    'Attention(heads, kv, out = (o: [.., kv, group, c]) => { param s: [kv, group] ~ 1; return o * s })',
  'a norm over all heads':
    'Attention(heads, kv, out = (o: [.., kv, group, c]) => { axis m = kv * group * c; return N(o[kv * group * c -> m])[m -> kv * group * c] })',
  'grouped queries': 'Attention(heads, 1)',
};

for (const [name, call] of Object.entries(ATTENTIONS)) {
  test(name, () => {
    const text = LLAMA.replace('Attention(heads, kv)', call).replace('use std.{', 'use std.{rope, ');
    same(text, SMALL);
  });
}

test('a learned score is the composition, any other the fused op', () => {
  const kinds = (call: string): string => {
    const { graph } = elaborated(LLAMA.replace('Attention(heads, kv)', call));
    const [loop] = graph.block.ops.flatMap((op) => (op.kind === 'loop' ? [op.attrs.body] : []));
    return loop?.ops.some((op) => op.kind === 'attend') ? 'attend' : 'composed';
  };
  assert.is(kinds(ATTENTIONS.ALiBi ?? ''), 'attend');
  assert.is(kinds(ATTENTIONS['a learned bias of the score'] ?? ''), 'composed');
});

test('the composition computes what the op does', () => {
  const call = (slope: string) =>
    LLAMA.replace('Attention(heads, kv)', `Attention(heads, score = (s, i, j) => ${slope})`);
  const fused = run(elaborated(call('s - 0.5 * float(i - j)')).graph);
  const composed = run(elaborated(call('(s + 0 * sum(s)) - 0.5 * float(i - j)')).graph);
  assert.ok(Math.abs((fused.get('loss')?.[0] ?? 0) - (composed.get('loss')?.[0] ?? 1)) < 1e-12);
});

test('a convolution over time before attention', () => {
  const text = LLAMA.replace(
    'model Llama',
    `fn ShortConv(taps = 4)(x: [.., time, c]) {
  axis tap = taps; param w: [tap, c] ~ normal(0.02)
  y = fill(0, like = x)
  for i in 0..taps - 1 { y = y + w[tap = i] * shift(x, time, i) }
  return silu(y)
}
model Llama`,
  ).replace('attn = Attention', 'conv = ShortConv(), attn = Attention');
  same(text, SMALL);
  assert.ok(weightNames(elaborated(text)).includes('layer.2.conv.w'));
});

test('experts, dense, with a balance loss', () => {
  const text = LLAMA.replace(
    'model Llama',
    `fn MoE(hidden: axis, experts: axis = 4)(x: [.., width]) {
  param router: [width -> experts] ~ normal(0.02);  param w_down: [hidden -> experts, width] ~ normal(0.02)
  param w_gate, w_up: [width -> experts, hidden] ~ normal(0.02)
  p = softmax(x @ router, over = experts)
  g = where(p >= max(p, over = experts), p, 0)
  balance = experts * sum(mean(float(g > 0), over = ..) * mean(p, over = ..), over = experts)
  return (silu(x @ w_gate) * (x @ w_up) * g) @[experts, hidden] w_down
}
model Llama`,
  )
    .replace('  for layer', '  aux = 0\n  for layer')
    .replace('x = scheme.block', 'ffn = MoE(hidden)\n    x = scheme.block')
    .replace('ffn = SwiGLU(hidden)', 'ffn = ffn')
    .replace('    probe', '    aux = aux + ffn.balance\n    probe')
    .replace('where = targets >= 0)', 'where = targets >= 0) + 0.01 * aux');
  same(text, SMALL);
});

test('early exits share one head', () => {
  const text = LLAMA.replace('  for layer', '  head = Linear(vocab); exits = []\n  for layer')
    .replace('    probe', '    if layer % 2 == 0 { exits = append(exits, head(scheme.leave(x, N))) }\n    probe')
    .replace('logits = Linear(vocab)(final)', 'logits = head(final)')
    .replace(
      '\n}',
      '\n  for e in exits { loss = loss + mean(cross_entropy(e, targets, over = vocab)) / len(exits) }\n}',
    );
  same(text, ['width=12', 'hidden=16', 'depth=4']);
  assert.is(weightNames(elaborated(text)).filter((name) => name.startsWith('head')).length, 1);
});

test.run();
