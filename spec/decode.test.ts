/** Decoding with caches against the model run anew, by the float64 interpreter: every example, the gallery, and what stands in the way. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodingOf } from '../src/compiler/decode/decode.ts';
import { elaborate } from '../src/compiler/elaborate/elaborate.ts';
import type { Graph } from '../src/compiler/ir/graph.ts';
import { verifyGraph } from '../src/compiler/ops/verify-graph.ts';
import { makeSource } from '../src/compiler/support/source.ts';
import { decodedLogits, differenceOf, livelyWeights, rerunLogits } from './support/decode-oracle.ts';
import { EXAMPLES, GALLERY, smallSizes, TIME, textOf, VOCAB } from './support/gallery.ts';

const TEXT = Array.from({ length: TIME }, (_, i) => (5 * i + 3) % VOCAB);

const logitsGraph = (text: string, set: readonly string[] = []): Graph =>
  elaborate({
    source: makeSource('a.tfm', text),
    set,
    training: false,
    want: 'logits',
    sizes: { batch: 1, time: TIME },
  }).graph;

/** Compares, at every position, steps alone and steps after a prefill with the whole model. */
function assertDecodes(graph: Graph): void {
  const decoding = decodingOf(graph);
  assert.is(decoding.kind, 'cached', decoding.kind === 'rerun' ? JSON.stringify(decoding.obstruction.because) : '');
  if (decoding.kind !== 'cached') return;
  verifyGraph(decoding.step);
  verifyGraph(decoding.prefill);
  const weights = livelyWeights(graph);
  const expected = TEXT.map((_, i) => rerunLogits(graph, weights, TEXT.slice(0, i + 1), TIME));
  for (const begun of [0, 1, 4, TIME]) {
    const found = decodedLogits(decoding, weights, TEXT, begun);
    const first = Math.max(0, begun - 1);
    assert.is(found.length, TIME - first);
    found.forEach((logits, i) => {
      const difference = differenceOf(logits, expected[first + i] ?? new Float64Array());
      assert.ok(difference < 1e-9, `begun with ${begun}, off by ${difference} at ${first + i}`);
    });
  }
}

if (!process.env.QUICK)
  for (const file of [...EXAMPLES, ...GALLERY]) {
    test(`${file} decodes as it runs`, () => {
      const text = textOf(file);
      assertDecodes(logitsGraph(text, smallSizes(text)));
    });
  }

/** The text begins in line 6 and makes y of x, both [batch, time, width]. */
const model = (text: string): string => `use std.{Embedding, Linear, Attention, causal, everything, rope}
use std.{Retention, GatedLinearAttention, RMSNorm}
model M(vocab: axis = ${VOCAB}, width: axis = 8)(tokens: int[batch, time], targets: int[batch, time]) {
  axis key = time
  x = Embedding(vocab, width)(tokens)
  ${text}
  logits = Linear(vocab)(y)
  loss = mean(cross_entropy(logits, targets, over = vocab), where = targets >= 0)
}`;

const positions = 'i = float(index(time)) @[] fill(1, key); j = float(index(key)) @[] fill(1, time)';

/** With how many states each decodes. */
const DECODED: readonly (readonly [string, string, number])[] = [
  ['what is pointwise', 'y = RMSNorm()(x) * 2', 0],
  ['positions', 'y = x * cos(float(index(time)))', 0],
  ['positions that are learned', 'param table: [time, width] ~ normal(1); y = x + table', 0],
  ['attention', 'y = Attention(2)(x)', 2],
  [
    'attention without batch in its keys',
    'param k: [time, width] ~ normal(1); y = attend(x, k, x, over = time, on = width, mask = causal())',
    1,
  ],
  ['a window', 'y = Attention(2, mask = causal(window = 2))(x)', 2],
  ['a mask said otherwise', 'y = Attention(2, mask = (i, j) => not (j + 0 > i) and true)(x)', 2],
  ['scores that look at positions', 'y = Attention(2, score = (s, i, j) => tanh(s) + float(i - j) / 9)(x)', 2],
  ['a shift', 'y = x + shift(x, time, 2)', 1],
  ['a shift of what is shifted', 'z = tanh(shift(x, time, 1)); y = shift(z, time, 2) + shift(x, time, 6)', 2],
  ['a shift of positions', 'y = x * shift(cos(float(index(time))), time, 2)', 0],
  ['a shift there and back', 'y = shift(shift(tanh(x), time, 2), time, -2)', 0],
  ['an axis that is split off', 'axis a = 1; y = tanh(x[time -> a * key])[a * key -> time]', 0],
  ['a sum up to each position', 'y = cumsum(x, over = time)', 1],
  ['a sum of sums', 'y = shift(cumsum(cumsum(x, over = time), over = time), time, 1)', 3],
  ['a recurrence with a gate', 'y = recur(sigmoid(x), x, over = time)', 1],
  ['a recurrence with a decay', 'y = recur(0.5, x, over = time)', 1],
  ['retention', 'y = Retention(2)(x)', 1],
  ['gated linear attention', 'y = GatedLinearAttention(2)(x)', 1],
  ['the first position', 'y = x + tanh(x[time = 0])', 1],
  ['a gather of earlier positions', 'y = x[time -> key][key = index(time) - 1]', 1],
  ['a slice of the past', `axis part = time - 1; k = x[time = 0..time - 1]; y = x + shift(x, time, 1)`, 1],
  [
    'scores that are 0 beyond the position',
    `${positions}; s = (x @[width] x[time -> key]) * float(j <= i); y = s @[key] x[time -> key]`,
    1,
  ],
  [
    'a softmax by hand, with a mask that is added',
    `${positions}; s = x @[width] x[time -> key] + where(j > i, -1e9, 0); y = softmax(s, over = key) @[key] x[time -> key]`,
    1,
  ],
  [
    'scores of the position before',
    `${positions}; s = (x @[width] x[time -> key]) * float(j <= i); y = shift(s, time, 1) @[key] x[time -> key]`,
    1,
  ],
  ['random numbers', 'y = x * uniform(like = x) + uniform(time)', 0],
  [
    'random numbers in layers',
    'y = x; for layer in 1..3 { y = RMSNorm()(y) + cumsum(uniform(like = y), over = time) * x }',
    1,
  ],
  ['one position of two axes', 'y = x * cos(float(index(time, width)))', 0],
  [
    'batch and time merged and split',
    'axis token = batch * time; y = tanh(x[batch * time -> token])[token -> batch * time]',
    0,
  ],
  ['layers that look back', 'y = x; for layer in 1..3 { y = y + shift(y, time, 1) }', 3],
  [
    'layers that look at the first',
    'y = x; for layer in 1..3 { y = RMSNorm()(y) + tanh(shift(x, time, 1)) * x[time = 0] }',
    1,
  ],
];

for (const [name, text, states] of DECODED) {
  test(`decodes: ${name}`, () => {
    const graph = logitsGraph(model(text));
    assertDecodes(graph);
    const decoding = decodingOf(graph);
    assert.is(decoding.kind === 'cached' && decoding.states.length, states);
  });
}

/** What is in the way of each, and why. */
const RERUN: readonly (readonly [string, string, string | undefined, string])[] = [
  ['a mean over time', 'z = mean(x, over = time); y = x - z', undefined, 'later'],
  ['attention that sees everything', 'y = Attention(2, mask = everything())(x)', undefined, 'later'],
  ['a mask with a way around', 'y = Attention(2, mask = (i, j) => j <= i or j < 0)(x)', undefined, 'may'],
  ['a gather ahead of a shift', 'z = shift(x, time, 2); y = z[time -> key][key = index(time) + 1]', 'y', 'look'],
  [
    'time among other channels',
    'axis token = time * width; y = tanh(x[time * width -> token])[token -> time * width]',
    'y',
    'mixes',
  ],
];

for (const [name, text, what, because] of RERUN) {
  test(`runs anew: ${name}`, () => {
    const decoding = decodingOf(logitsGraph(model(text)));
    if (decoding.kind !== 'rerun') throw new Error('it decodes');
    assert.is(decoding.obstruction.what, what);
    assert.match(decoding.obstruction.because, because);
  });
}

test.run();
