/** `recur` in the language: what it refuses, and that the recurrent form of linear attention is its parallel form. */
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { interpret } from '../src/backends/reference/interpret.ts';
import { elaborate } from '../src/compiler/elaborate/elaborate.ts';
import type { Graph } from '../src/compiler/ir/graph.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { makeSource } from '../src/compiler/support/source.ts';
import { elaborated, errorsOf } from './support/elaborated.ts';
import { noise } from './support/gradient-check.ts';

/** A model with a [time], x [batch, time, width] and other [batch]; the text stands in line 5. */
const body = (text: string): string => `model M(width: axis = 3)(tokens: int[batch, time]) {
  a = float(index(time)) / 4
  param w: [width] ~ 1
  x = float(tokens) @[] w;  other = fill(2, batch)
  ${text}
  loss = sum(w)
}`;

const ERRORS: readonly (readonly [string, string, string])[] = [
  [
    'an axis that both lack',
    'h = recur(a, a, over = width)',
    '5:26 axis-absent: `a` has no axis `width`: it is [time] [1:9 `width` of size 3 is declared here]',
  ],
  [
    'two numbers',
    'h = recur(1, 2, over = time)',
    '5:26 axis-absent: `2` has no axis `time`: it is [] [1:45 `time` of size 5 is declared here]',
  ],
  [
    'axes that spread in two directions',
    'h = recur(a, other, over = time)',
    '5:7 no-broadcast: the left side lacks batch (3, 1:38), the right side lacks time (5, 1:45); nothing broadcasts both ways [1:45 `time` of size 5 is declared here] [1:38 `batch` of size 3 is declared here] (if the outer product is meant, write `a @[] b`)',
  ],
  [
    'ints',
    'h = recur(1, index(time), over = time)',
    '5:16 wrong-element-kind: `index(time)` is int where float is wanted (convert with `float(…)`)',
  ],
  [
    'truth values',
    'h = recur(true, a, over = time)',
    '5:13 wrong-element-kind: `true` is bool where float is wanted (convert with `float(…)`)',
  ],
  ['no axis', 'h = recur(a, x)', '5:7 missing-argument: `recur` needs `over`'],
];

for (const [name, text, error] of ERRORS) {
  test(`recur refuses ${name}`, () => assert.equal(errorsOf(body(text)), [error]));
}

test('a number may decay, and a sum may run along any axis', () => {
  const sizes = { batch: 2, time: 4 };
  const text = `model M(width: axis = 3)(tokens: int[batch, time]) {
    param w: [width] ~ 1
    x = float(tokens)
    running = cumsum(x, over = time)
    halved = recur(0.5, x, over = time)
    across = cumsum(w, over = width)
    loss = sum(across) + sum(running * 100) + sum(halved * 10_000)
  }`;
  const { graph } = elaborated(text, { sizes });
  const out = interpret(graph, {
    inputs: new Map([['tokens', Float64Array.of(1, 2, 3, 4, 0, 0, 1, 0)]]),
    weights: new Map(graph.weights.map((w) => [w.id, Float64Array.of(1, 1, 1)])),
    runtime: { step: 0, lr: 0 },
    seed: 0,
    micro: 0,
  });
  const halved = 1 + 2.5 + 4.25 + 6.125 + 1 + 0.5;
  assert.is(out.get('loss')?.[0], 6 + 100 * (1 + 3 + 6 + 10 + 1 + 1) + 10_000 * halved);
});

function modelOf(file: string): Graph {
  const text = readFileSync(new URL(`../examples/gallery/${file}`, import.meta.url), 'utf8');
  const set = ['vocab=7', 'width=12', 'heads=2', 'hidden=5', 'depth=3'];
  const source = makeSource('model.tfm', text);
  return elaborate({ source, training: true, want: 'loss', set, sizes: { batch: 2, time: 9 } }).graph;
}

function lossOf(graph: Graph): number {
  const tokens = Float64Array.from({ length: 18 }, (_, i) => (i * i) % 7);
  const out = interpret(graph, {
    inputs: new Map([
      ['tokens', tokens],
      ['targets', tokens.map((t) => (t + 2) % 7)],
    ]),
    weights: new Map(
      graph.weights.map((w) => {
        const size = w.axes.reduce((n, axis) => n * axis.size, w.stacked?.size ?? 1);
        return [w.id, noise(w.id, size)];
      }),
    ),
    runtime: { step: 0, lr: 0 },
    seed: 0,
    micro: 0,
  });
  return present(out.get('loss')?.[0], 'loss');
}

test('retention by a state is retention by scores', () => {
  const [scores, state] = [modelOf('retention.tfm'), modelOf('retention_recurrent.tfm')];
  const names = (graph: Graph): readonly string[] => graph.weights.map((w) => w.id).sort();
  assert.equal(names(scores), names(state));
  assert.ok(Math.abs(lossOf(scores) - lossOf(state)) < 1e-12, `${lossOf(scores)} ${lossOf(state)}`);
});

test.run();
