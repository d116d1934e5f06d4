/**
 * What a prediction may know: the analysis against the definition (a later token is changed, and earlier logits are looked at),
 * and the words for leaks.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { interpret } from '../src/backends/reference/interpret.ts';
import { findLeak } from '../src/compiler/causality/find-leak.ts';
import { check } from '../src/compiler/check.ts';
import { type Diagnostic, Failure } from '../src/compiler/diagnostics/diagnostic.ts';
import { elaborate } from '../src/compiler/elaborate/elaborate.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { makeSource, positionAt, type Span } from '../src/compiler/support/source.ts';
import { noise } from './support/gradient-check.ts';

const [BATCH, TIME, VOCAB] = [2, 6, 7];
const SIZES = { batch: BATCH, time: TIME };

/** The text begins in line 6 and makes y of x, both [batch, time, width]. */
const model = (text: string, train = ''): string => `use std.{Embedding, Linear, Attention, causal, everything, rope}
use std.{Retention, GatedLinearAttention, RMSNorm}
model M(vocab: axis = 7, width: axis = 8)(tokens: int[batch, time], targets: int[batch, time]) {
  axis key = time
  x = Embedding(vocab, width)(tokens)
  ${text}
  logits = Linear(vocab)(y)
  loss = mean(cross_entropy(logits, targets, over = vocab), where = targets >= 0)
}
train M() { data = text("a.txt", tokenizer = bytes); batch = 2; time = 6; steps = 1; ${train} }`;

/** Whether logits change before the place of a token that changes, by running the model. */
function leaksInFact(text: string): boolean {
  const source = makeSource('a.tfm', model(text));
  const { graph } = elaborate({ source, training: true, want: 'logits', sizes: SIZES });
  const weights = new Map(
    graph.weights.map((w) => {
      const size = w.axes.reduce((n, axis) => n * axis.size, w.stacked?.size ?? 1);
      return [w.id, noise(w.id, size)];
    }),
  );
  const run = (tokens: Float64Array): Float64Array => {
    const host = { inputs: new Map([['tokens', tokens]]), weights, runtime: { step: 0, lr: 0 }, seed: 0, micro: 0 };
    return present(interpret(graph, host).get('logits'), 'logits');
  };
  const tokens = Float64Array.from({ length: BATCH * TIME }, (_, i) => (i * i) % VOCAB);
  const before = run(tokens);
  for (let place = 1; place < TIME; place += 1) {
    for (let token = 0; token < VOCAB; token += 1) {
      const after = run(tokens.map((t, i) => (i === place ? token : t)));
      if (after.subarray(0, place * VOCAB).some((v, i) => Math.abs(v - (before[i] ?? 0)) > 1e-9)) return true;
    }
  }
  return false;
}

function leakOf(text: string, want: 'loss' | 'logits' = 'loss') {
  const source = makeSource('a.tfm', model(text));
  return findLeak(elaborate({ source, training: true, want, sizes: SIZES }).graph);
}

const masked = (mask: string): string => `y = Attention(2, mask = (i, j) => ${mask})(x)`;
const positions = `i = float(index(time)) @[] fill(1, key); j = float(index(key)) @[] fill(1, time)`;

/** Causal, and known to be. */
const CAUSAL: readonly (readonly [string, string])[] = [
  ['what is pointwise', 'y = RMSNorm()(x) * 2'],
  ['positions', 'y = x * cos(float(index(time)))'],
  ['attention', 'y = Attention(2)(x)'],
  ['a window', 'y = Attention(2, mask = causal(window = 2))(x)'],
  ['a mask said otherwise', masked('not (j + 0 > i) and true')],
  ['a mask of the past alone, and itself', masked('i - j >= 0 and i - j < 3')],
  ['a shift', 'y = x + shift(x, time, 2)'],
  ['a shift there and back', 'y = shift(shift(x, time, 2), time, -2)'],
  ['slices', 'axis part = time - 1; early = x[time = 0..time - 1]; y = x'],
  ['a sum up to each position', 'y = cumsum(x, over = time)'],
  ['a recurrence with a gate', 'y = recur(sigmoid(x), x, over = time)'],
  ['retention', 'y = Retention(2)(x)'],
  ['gated linear attention', 'y = GatedLinearAttention(2)(x)'],
  ['the first position', 'y = x + x[time = 0]'],
  ['a gather of earlier positions', 'y = x[time -> key][key = index(time) - 1]'],
  [
    'scores that are 0 beyond the position',
    `${positions}; s = (x @[width] x[time -> key]) * float(j <= i); y = s @[key] x[time -> key]`,
  ],
  [
    'scores that are chosen',
    `${positions}; s = where(i >= j, x @[width] x[time -> key], 0); y = s @[key] x[time -> key]`,
  ],
  [
    'a softmax by hand, masked',
    `${positions}; s = where(i >= j, x @[width] x[time -> key], -1e9); y = softmax(s, over = key) @[key] x[time -> key]`,
  ],
  [
    'a softmax by hand, with a mask that is added',
    `${positions}; s = x @[width] x[time -> key] + where(j > i, -1e9, 0); y = softmax(s, over = key) @[key] x[time -> key]`,
  ],
  [
    'batch and time merged and split',
    'axis token = batch * time; y = tanh(x[batch * time -> token])[token -> batch * time]',
  ],
  ['time in chunks, pointwise', 'axis a = 2; axis b = 3; y = exp(x[time -> a * b])[a * b -> time]'],
  ['layers that look back', 'y = x; for layer in 1..3 { y = y + shift(y, time, 1) }'],
];

for (const [name, text] of CAUSAL) {
  test(`causal: ${name}`, () => {
    assert.is(leaksInFact(text), false, 'it leaks in fact');
    assert.is(leakOf(text), undefined);
    assert.is(leakOf(text, 'logits'), undefined);
  });
}

/** A leak, and known to be. */
const LEAKS: readonly (readonly [string, string, number])[] = [
  ['a mean over time', 'y = x - mean(x, over = time)', Infinity],
  ['a largest element', 'y = x * max(x, over = time)', Infinity],
  ['attention that sees everything', 'y = Attention(2, mask = everything())(x)', Infinity],
  ['a mask that sees two ahead', masked('j <= i + 2'), 2],
  ['a shift to earlier positions', 'y = x + shift(x, time, -1)', 1],
  ['the last position', 'y = x + x[time = time - 1]', Infinity],
  ['a gather of later positions', 'y = x[time -> key][key = index(time) + 3]', 3],
  ['scores without a mask', 's = x @[width] x[time -> key]; y = s @[key] x[time -> key]', Infinity],
  [
    'a softmax over all keys of scores that are masked afterwards',
    `${positions}; s = softmax(x @[width] x[time -> key], over = key) * float(j <= i); y = s @[key] x[time -> key]`,
    Infinity,
  ],
  [
    'a sum over batch and time',
    'axis token = batch * time; m = sum(x[batch * time -> token], over = token); y = x + m',
    Infinity,
  ],
  ['layers that look ahead', 'y = x; for layer in 1..3 { y = y + shift(y, time, -1) }', 3],
  ['many layers that look ahead', 'y = x; for layer in 1..9 { y = y + shift(RMSNorm()(y), time, -1) }', Infinity],
  ['a recurrence of what is ahead', 'y = recur(0.5, shift(x, time, -2), over = time)', 2],
];

for (const [name, text, ahead] of LEAKS) {
  test(`a leak: ${name}`, () => {
    assert.is(leaksInFact(text), true, 'it does not leak in fact');
    const leak = leakOf(text);
    assert.is(leak?.kind, 'certain');
    assert.is(leak?.ahead, ahead);
    assert.is(leakOf(text, 'logits')?.kind, 'certain');
  });
}

/** Decided by data, or by more than the analysis follows: said as such, whether it leaks or not. */
const UNDECIDED: readonly (readonly [string, string])[] = [
  ['a mask with a way around', masked('j <= i or j < 0')],
  ['a gather of positions that are computed', 'y = x[time -> key][key = index(time) % 2]'],
  [
    'scores chosen by a mask that is not followed',
    `${positions}; s = where(2 * j < i, x @[width] x[time -> key], 0); y = s @[key] x[time -> key]`,
  ],
  [
    'scores times a mask of positions that is held between 0 and 1',
    `${positions}; s = (x @[width] x[time -> key]) * clamp(i - j + 1, 0, 1); y = s @[key] x[time -> key]`,
  ],
  ['sums of chunks', 'axis a = 2; axis b = 3; z = x[time -> a * b]; y = (z + sum(z, over = b))[a * b -> time]'],
];

for (const [name, text] of UNDECIDED) {
  test(`undecided: ${name}`, () => assert.is(leakOf(text)?.kind, 'undecided'));
}

/** `file:line:column code: message`, and labels. The library's names are there for all cases. */
function said(text: string): readonly string[] {
  const at = ({ source, start }: Span): string => {
    const { line, column } = positionAt(source, start);
    return `${source.path}:${line}:${column}`;
  };
  const show = ({ code, message, span, labels }: Diagnostic): string =>
    [`${span ? at(span) : ''} ${code}: ${message}`, ...labels.map((l) => `[${at(l.span)} ${l.text}]`)].join(' ');
  try {
    const { warnings } = check({ source: makeSource('a.tfm', text), set: [] });
    return warnings.filter(({ code }) => code !== 'unused-import').map(show);
  } catch (error) {
    if (error instanceof Failure) return error.diagnostics.map(show);
    throw error;
  }
}

test('a leak is shown with its way, where it is and where it meets the targets', () => {
  assert.equal(said(model('z = x - mean(x, over = time); y = z * 2')), [
    'a.tfm:6:11 sees-the-future: `logits.linear` at a position depends on tokens after it: logits.linear <- y <- z <- mean(x, over = time) [a.tfm:8:15 what is predicted is compared with the target here]',
  ]);
  assert.equal(said(model('y = Attention(2, mask = everything())(x)')), [
    'a.tfm:6:7 sees-the-future: `logits.linear` at a position depends on tokens after it: logits.linear <- y.attention <- y.attention.o <- attend(query, key, value, over = time, on = head, scale = 1… [std/attention.tfm:39:11 here] [a.tfm:8:15 what is predicted is compared with the target here]',
  ]);
});

test('what cannot be decided is a warning, which can be silenced', () => {
  const text = masked('j <= i or j < 0');
  assert.equal(said(model(text)), [
    'a.tfm:6:7 future-undecided: it cannot be told whether `logits.linear` at a position depends on tokens after it: logits.linear <- y.attention <- y.attention.o <- attend(query, key, value, over = time, on = head, scale = 1… [std/attention.tfm:39:11 here]',
  ]);
  assert.equal(said(model(`${text} // allow: future-undecided`)), []);
});

test('a training may allow a leak, and without data there is none to see', () => {
  const text = 'y = x - mean(x, over = time)';
  assert.equal(said(model(text, 'causal = false')), []);
  assert.equal(said(model(text).replace('data = text("a.txt", tokenizer = bytes); ', '')), []);
  assert.equal(said(model('y = x', 'causal = 1')), [
    'a.tfm:10:95 wrong-kind: 1 stands where `true` or `false` is wanted',
  ]);
});

test('the target of a later position may be predicted from what lies before it', () => {
  const two = (by: number): string =>
    model('y = x').replace(
      'loss = mean(',
      `loss = mean(cross_entropy(logits, shift(targets, time, ${by}), over = vocab)) + mean(`,
    );
  assert.equal(said(two(-1)), []);
  assert.match(said(two(1)).join(), 'sees-the-future');
});

test.run();
