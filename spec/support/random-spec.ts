/**
 * Small random specs, each a model with a norm, an activation, a scheme and attention of its own: what a user might
 * write, at sizes that no kernel likes. The same seed gives the same text.
 */
export interface RandomSpec {
  readonly text: string;
  readonly batch: number;
  readonly time: number;
  readonly vocab: number;
}

const NORMS = ['x => RMSNorm()(x)', 'x => LayerNorm()(x)', 'x => Bounded()(x)'] as const;

const ACTIVATIONS = ['silu(a)', 'a * tanh(softplus(a))', 'gelu_tanh(a)', 'max(a, 0) ^ 2', 'tanh(a)'] as const;

const SCHEMES = [
  'PreNorm',
  'LNS',
  'PostNorm',
  'Sandwich',
  'DeepNorm',
  'MixLN()',
  'GPAS()',
  'TwoStreams',
  'Rescaled',
] as const;

const DECLARATIONS = `
fn Bounded()(x: [.., c]) {
  param gain: [c] ~ 1
  return x / (1 + max(abs(x), over = c)) * gain
}

fn Gated(hidden: axis)(x: [.., width]) {
  param w_gate, w_up: [width -> hidden] ~ normal(0.2)
  param w_down: [hidden -> width] ~ normal(0.2)
  return (act(x @ w_gate) * (x @ w_up)) @ w_down
}

TwoStreams = Scheme(
  enter = (x, N) => (x, x),
  leave = ((p, d), N) => p + N(d),
  site = ((p, d), f, N, l, L) => { y = f(p); return (N(p + y), d + y / sqrt(l)) })

Rescaled = Scheme(site = (x: [.., c], f, N, l, L) => { param s: [c] ~ 0.5; return x + s * f(N(x)) * (1 - l / (2 * L)) })
`;

export function randomSpec(seed: number): RandomSpec {
  const draw = drawer(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(draw() * list.length)] as T;
  const between = (low: number, high: number): number => low + Math.floor(draw() * (high - low + 1));
  const heads = between(1, 4);
  const groups = pick([1, heads, heads]);
  const head = 2 * between(1, 5);
  const width = heads * head;
  const [batch, time, vocab] = [between(1, 3), between(1, 19), between(5, 67)];
  const mask = pick(['', '', `, mask = causal(window = ${between(1, 6)})`]);
  const score = pick(['', '', ', score = (s, i, j) => 5 * tanh(s / 5)']);
  const tied = draw() < 0.3;
  const text = `use std.{Embedding, Attention, Linear, RMSNorm, LayerNorm, silu, softplus, gelu_tanh, causal}
use std.schemes.{Scheme, PreNorm, LNS, PostNorm, Sandwich, DeepNorm, MixLN, GPAS}
${DECLARATIONS}
fn act(a) = ${pick(ACTIVATIONS)}

model Random(vocab: axis = ${vocab}, width: axis = ${width}, depth = ${between(1, 4)}, hidden: axis = ${between(1, 41)},
             scheme = ${pick(SCHEMES)}, N = ${pick(NORMS)})(tokens: int[batch, time], targets: int[batch, time]) {
  embed = Embedding(vocab, width)
  x = scheme.enter(embed(tokens) * 10, N)
  for layer in 1..depth {
    x = scheme.block(x, (attn = Attention(${heads}, ${heads / groups}${mask}${score}), ffn = Gated(hidden)), N, layer, depth)
  }
  final = scheme.leave(x, N)
  logits = ${tied ? 'final @ embed.table' : 'Linear(vocab)(final)'}
  loss = mean(cross_entropy(logits, targets, over = vocab), where = targets >= 0)
}

train Random() {
  batch = ${batch}; time = ${time}; steps = 3
  optimizer = adam(betas = (0.9, 0.999), eps = 1e-8, decay = 0.1); lr = 1e-2${draw() < 0.5 ? '; clip = 0.5' : ''}
}
`;
  return { text, batch, time, vocab };
}

/** mulberry32: small, seeded, good enough to choose among specs. */
export function drawer(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
