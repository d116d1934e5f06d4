/**
 * Random ways to mix positions, decoded with caches and run anew, by the float64 interpreter. What is taken for cached has to give
 * the same logits; and most of what is drawn has to be. TFM_DECODE=2000 draws more.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findLeak } from '../src/compiler/causality/find-leak.ts';
import { decodingOf } from '../src/compiler/decode/decode.ts';
import { elaborate } from '../src/compiler/elaborate/elaborate.ts';
import type { Graph } from '../src/compiler/ir/graph.ts';
import { verifyGraph } from '../src/compiler/ops/verify-graph.ts';
import { makeSource } from '../src/compiler/support/source.ts';
import { decodedLogits, differenceOf, livelyWeights, rerunLogits } from './support/decode-oracle.ts';
import { drawer } from './support/random-spec.ts';

const COUNT = Number(process.env.TFM_DECODE ?? 60);
const [TIME, VOCAB] = [5, 7];
const TEXT = Array.from({ length: TIME }, (_, i) => (3 * i + 2) % VOCAB);

/** A value of three others; n is small. */
const MIXES: readonly ((a: string, b: string, c: string, n: number) => string)[] = [
  (a, b) => `tanh(${a}) + ${b}`,
  (a, b) => `sin(${a}) * sigmoid(${b})`,
  (a) => `RMSNorm()(${a})`,
  (a) => `(${a} @ mix)[row -> width]`,
  (a, b) => `tanh(${a}) * float(index(time) > 1) + ${b}`,
  (a, b, _, n) => `${a} + shift(${b}, time, ${n})`,
  (a, _, __, n) => `shift(tanh(${a}), time, ${n})`,
  (a, b, _, n) => `shift(shift(${a}, time, ${n}), time, -1) + ${b}`,
  (a) => `tanh(cumsum(${a}, over = time))`,
  (a, b) => `recur(sigmoid(${a}), ${b}, over = time)`,
  (a) => `Attention(2)(${a})`,
  (a, _, __, n) => `Attention(2, mask = causal(window = ${n + 1}), score = (s, i, j) => tanh(s) - float(i - j))(${a})`,
  (a, b, c) => `attend(${a}, ${b}, ${c}, over = time, on = width, mask = (i, j) => j <= i)`,
  (a, b) => `${a} * tanh(${b}[time = 0])`,
  (a, _, __, n) => `${a}[time -> key][key = index(time) - ${n}]`,
  (a, b, c) => `tanh((${a} @[width] ${b}[time -> key]) * float(seen)) @[key] tanh(${c}[time -> key])`,
  (a, b, c) => `softmax(where(seen, ${a} @[width] ${b}[time -> key], -1e9), over = key) @[key] ${c}[time -> key]`,
  (a) => `${a} + position`,
  (a, b) => `${a} * max(${b}, over = width)`,
];

/** Of which some look ahead. */
const RARE: readonly ((a: string, b: string) => string)[] = [
  (a, b) => `${a} - mean(${b}, over = time)`,
  (a, b) => `${a} + shift(${b}, time, -1)`,
];

function randomText(seed: number): string {
  const draw = drawer(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(draw() * list.length)] as T;
  const names = ['x'];
  const mix = (name: string): string => {
    const [a, b, c] = [pick(names), pick(names), pick(names)];
    const made = draw() < 0.03 ? pick(RARE)(a, b) : pick(MIXES)(a, b, c, Math.floor(draw() * 4));
    names.push(name);
    return `${name} = ${made}`;
  };
  const before = [mix('a1'), mix('a2')];
  const outside = names.length;
  names.push('y');
  const inside = [mix('b1'), mix('b2')];
  const body = `${inside.join('\n    ')}\n    y = tanh(y) + b2`;
  // What the loop binds is not seen behind it.
  names.splice(outside, names.length - outside, 'y');
  return `use std.{Embedding, Linear, Attention, causal, RMSNorm}
model M(vocab: axis = ${VOCAB}, width: axis = 4)(tokens: int[batch, time], targets: int[batch, time]) {
  axis key = time
  axis row = width
  param mix: [width -> row] ~ normal(1)
  param position: [time, width] ~ normal(1)
  i = float(index(time)) @[] fill(1, key); j = float(index(key)) @[] fill(1, time); seen = j <= i
  x = Embedding(vocab, width)(tokens)
  ${before.join('\n  ')}
  y = x
  for layer in 1..3 {
    ${body}
  }
  ${mix('z')}
  logits = Linear(vocab)(z)
  loss = mean(cross_entropy(logits, targets, over = vocab))
}`;
}

const graphOf = (text: string): Graph =>
  elaborate({
    source: makeSource('a.tfm', text),
    training: false,
    want: 'logits',
    sizes: { batch: 1, time: TIME },
  }).graph;

let decoded = 0;
let causal = 0;

for (let seed = 1; seed <= COUNT; seed += 1) {
  const text = randomText(seed);
  test(`random mix ${seed}`, () => {
    try {
      const graph = graphOf(text);
      const decoding = decodingOf(graph);
      if (!findLeak(graph)) causal += 1;
      if (decoding.kind !== 'cached') return;
      decoded += 1;
      verifyGraph(decoding.step);
      verifyGraph(decoding.prefill);
      const weights = livelyWeights(graph);
      const expected = TEXT.map((_, i) => rerunLogits(graph, weights, TEXT.slice(0, i + 1), TIME));
      for (const begun of [0, 2]) {
        decodedLogits(decoding, weights, TEXT, begun).forEach((logits, i) => {
          const place = Math.max(0, begun - 1) + i;
          const difference = differenceOf(logits, expected[place] ?? new Float64Array());
          assert.ok(difference < 1e-9, `begun with ${begun}, off by ${difference} at ${place}`);
        });
      }
    } catch (error) {
      if (error instanceof Error) error.message = `${error.message}\n${text}`;
      throw error;
    }
  });
}

test('most of what is causal decodes', () => {
  assert.ok(causal > COUNT / 4, `${causal} of ${COUNT} are causal`);
  assert.ok(decoded > 0.9 * causal, `${decoded} of ${causal} decode`);
});

test.run();
