/** The standard library, part by part: values against formulas, gradients against finite differences. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { interpret } from '../src/backends/reference/interpret.ts';
import { elaborate } from '../src/compiler/elaborate/elaborate.ts';
import type { Graph } from '../src/compiler/ir/graph.ts';
import { autodiff, gradientOutput } from '../src/compiler/passes/autodiff.ts';
import { erf } from '../src/compiler/support/erf.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { makeSource } from '../src/compiler/support/source.ts';
import { parse } from '../src/compiler/syntax/parse.ts';
import { evaluateSchedule } from '../src/runtime/schedule.ts';

function read(path: string): string {
  return readFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), 'utf8');
}

const SIZES = { vocab: 7, width: 12, heads: 2, hidden: 5, depth: 3 };
const set = (more: Readonly<Record<string, string | number>>): string[] =>
  Object.entries({ ...SIZES, ...more }).map(([name, value]) => `${name}=${value}`);

function modelOf(text: string, settings: readonly string[], training = true): Graph {
  const source = makeSource('model.tfm', text);
  return elaborate({ source, training, want: 'loss', set: settings, sizes: { batch: 2, time: 5 } }).graph;
}

/** Numbers between -1 and 1 that look random and are always the same. */
function noise(count: number, seed: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => {
    const x = Math.sin(i * 12.9898 + seed * 78.233) * 43758.5453;
    return 2 * (x - Math.floor(x)) - 1;
  });
}

function sizesOf(graph: Graph): readonly number[] {
  return graph.weights.map((w) => w.axes.reduce((n, axis) => n * axis.size, w.stacked?.size ?? 1));
}

function run(graph: Graph, weights: readonly Float64Array[]): ReadonlyMap<string, Float64Array> {
  const tokens = Float64Array.from({ length: 10 }, (_, i) => (i * 3) % SIZES.vocab);
  return interpret(graph, {
    inputs: new Map([
      ['tokens', tokens],
      ['targets', tokens.map((t) => (t + 2) % SIZES.vocab)],
    ]),
    weights: new Map(graph.weights.map((w, i) => [w.id, present(weights[i], w.id)])),
    runtime: { step: 3, lr: 0 },
    seed: 1,
    micro: 0,
  });
}

/** The derivative of the loss along a direction in all weights agrees with the gradients. */
function checkGradients(graph: Graph, what: string): void {
  const start = sizesOf(graph).map((size, i) => noise(size, i).map((x) => 0.7 * x + 0.2));
  const direction = sizesOf(graph).map((size, i) => noise(size, 100 + i));
  const loss = (h: number): number => {
    const moved = start.map((w, i) => w.map((x, k) => x + h * (direction[i]?.[k] ?? 0)));
    return present(run(graph, moved).get('loss'), 'loss')[0] ?? Number.NaN;
  };
  const h = 1e-5;
  const measured = (loss(h) - loss(-h)) / (2 * h);
  const joint = autodiff.run(graph);
  const outputs = run(joint, start);
  const computed = joint.weights.reduce((sum, weight, i) => {
    const gradient = present(outputs.get(gradientOutput(weight)), weight.id);
    return sum + gradient.reduce((s, g, k) => s + g * (direction[i]?.[k] ?? 0), 0);
  }, 0);
  assert.ok(
    Math.abs(measured - computed) <= 1e-6 * Math.max(1, Math.abs(measured)),
    `${what}: ${measured} ${computed}`,
  );
}

const schemes = parse(makeSource('schemes', read('src/std/schemes.tfm'))).file.items.flatMap((item) => {
  if (item.kind === 'fn') return ['each', 'Scheme'].includes(item.name.text) ? [] : [`${item.name.text}()`];
  if (item.kind !== 'binding-item' || item.binding.pattern.kind !== 'name-pattern') return [];
  const { text } = item.binding.pattern.name;
  return text === 'bare' ? [] : [text];
});

// The gradient of GPAS is not that of its value, on purpose.
for (const scheme of schemes.filter((name) => name !== 'GPAS()')) {
  test(`scheme ${scheme}`, () => checkGradients(modelOf(read('examples/llama.tfm'), set({ scheme })), scheme));
}

test('GPAS with closed gates has the values and gradients of its base', () => {
  const gradients = (scheme: string): ReadonlyMap<string, Float64Array> => {
    const graph = autodiff.run(modelOf(read('examples/llama.tfm'), set({ scheme })));
    const weights = graph.weights.map((weight, i) => {
      const size = sizesOf(graph)[i] ?? 0;
      return weight.id.endsWith('.a') ? new Float64Array(size) : noise(size, weight.id.length);
    });
    return run(graph, weights);
  };
  const base = gradients('PreNorm');
  const gated = gradients('GPAS()');
  for (const [name, values] of base) {
    const found = present(gated.get(name), name);
    values.forEach((value, i) => {
      assert.ok(Math.abs(value - (found[i] ?? Number.NaN)) <= 1e-12 * Math.max(1, Math.abs(value)), name);
    });
  }
  const gates = [...gated].filter(([name]) => name.endsWith('.a'));
  assert.ok(gates.length > 0 && gates.every(([, values]) => values.every((value) => value !== 0)));
});

test('there are the schemes of the paper and more', () => {
  for (const name of ['PreNorm', 'PostNorm', 'LNS', 'DeepNorm', 'Sandwich', 'MixLN()', 'GPAS()']) {
    assert.ok(schemes.includes(name), name);
  }
});

test('grouped queries, GPT-2, and the custom example', () => {
  checkGradients(modelOf(read('examples/llama.tfm'), set({ kv: 1 })), 'one key for two queries');
  checkGradients(
    modelOf(read('examples/gpt2.tfm'), ['vocab=7', 'width=12', 'heads=2', 'depth=2', 'context=6']),
    'GPT-2',
  );
  checkGradients(modelOf(read('examples/custom.tfm'), set({})), 'custom');
});

test('parts that the examples leave out', () => {
  const text = read('examples/llama.tfm')
    .replace('use std.{', 'use std.{DyT, MLPPlain, causal, softcap, ')
    .replace(
      'Attention(heads, kv)',
      'Attention(heads, kv, mask = causal(window = 2), score = (s, i, j) => softcap(s, 5))',
    )
    .replace('SwiGLU(hidden)', 'MLPPlain(hidden, act = mish)')
    .replace('embed(tokens)', 'dropout(embed(tokens), 0.3)');
  checkGradients(modelOf(text, set({ N: 'x => DyT()(x)' })), 'DyT, windows, soft caps, dropout');
});

test('dropout is for training only', () => {
  const text = read('examples/llama.tfm').replace('embed(tokens)', 'dropout(embed(tokens), 0.9)');
  const loss = (graph: Graph): number => {
    const weights = sizesOf(graph).map((size, i) => noise(size, i));
    return present(run(graph, weights).get('loss'), 'loss')[0] ?? Number.NaN;
  };
  const plain = loss(modelOf(read('examples/llama.tfm'), set({}), false));
  assert.is(loss(modelOf(text, set({}), false)), plain);
  assert.is.not(loss(modelOf(text, set({}), true)), plain);
});

/** The value of an expression of x, at numbers where x is a tensor. */
function pointwise(expression: string, at: readonly number[]): Float64Array {
  const text = `model M()(tokens: int[batch, time]) {
    param x: [batch, time] ~ 0
    loss = sum((${expression}) * float(index(batch, time) == tokens))
  }`;
  const values = at.map((_, place) => {
    const source = makeSource('m.tfm', text);
    const sizes = { batch: 1, time: at.length };
    const { graph } = elaborate({ source, training: true, want: 'loss', sizes });
    const outputs = interpret(graph, {
      inputs: new Map([['tokens', Float64Array.from(at, () => place)]]),
      weights: new Map(graph.weights.map((w) => [w.id, Float64Array.from(at)])),
      runtime: { step: 0, lr: 0 },
      seed: 0,
      micro: 0,
    });
    return present(outputs.get('loss'), 'loss')[0] ?? Number.NaN;
  });
  return Float64Array.from(values);
}

const X = [-800, -20, -3, -0.5, 0, 0.5, 3, 20, 800];
const FUNCTIONS: Readonly<Record<string, (x: number) => number>> = {
  'sigmoid(x)': (x) => 1 / (1 + Math.exp(-x)),
  'softplus(x)': (x) => (x > 30 ? x : Math.log1p(Math.exp(x))),
  'silu(x)': (x) => x / (1 + Math.exp(-x)),
  'relu(x)': (x) => Math.max(x, 0),
  'relu2(x)': (x) => Math.max(x, 0) ** 2,
  'gelu_erf(x)': (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  'gelu_tanh(x)': (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  'mish(x)': (x) => x * Math.tanh(x > 30 ? x : Math.log1p(Math.exp(x))),
  'softcap(x, 5)': (x) => 5 * Math.tanh(x / 5),
  'clamp(x, -1, 2)': (x) => Math.min(Math.max(x, -1), 2),
  'bce_with_logits(x, 0.25)': (x) => (x > 30 ? x : Math.log1p(Math.exp(x))) - 0.25 * x,
};

for (const [expression, meaning] of Object.entries(FUNCTIONS)) {
  test(`${expression} on tensors and on numbers`, () => {
    const found = pointwise(expression, X);
    const constants = X.map((x) => pointwise(expression.replace('x', `(${x})`), [0])[0]);
    X.forEach((x, i) => {
      for (const value of [found[i], constants[i]]) {
        assert.ok(Math.abs((value ?? Number.NaN) - meaning(x)) <= 1e-9 * Math.max(1, Math.abs(x)), `${x}: ${value}`);
      }
    });
  });
}

function schedule(lr: string, steps: number): (step: number) => number {
  const text = `model M()(tokens: int[batch, time]) { param w: [] ~ 1; loss = w }
    train M() { batch = 1; time = 1; steps = ${steps}; lr = ${lr} }`;
  const { train } = elaborate({ source: makeSource('m.tfm', text), training: true, want: 'loss' });
  return (step) => Math.round(1e9 * evaluateSchedule(present(train, 'a train block').lr, step)) / 1e9;
}

test('learning-rate schedules', () => {
  const cosine = schedule('2 * warmup(4) * cosine(to = 0.1, after = 4)', 104);
  assert.equal([0, 1, 3, 4, 54, 104].map(cosine), [0.5, 1, 2, 2, 1.1, 0.2]);
  assert.equal([0, 50, 100].map(schedule('linear(to = 0.5)', 100)), [1, 0.75, 0.5]);
  assert.equal([0, 50, 100].map(schedule('cosine()', 100)), [1, 0.5, 0]);
  assert.equal([0, 80, 90, 100].map(schedule('wsd(decay = 0.2)', 100)), [1, 1, 0.5, 0]);
  assert.equal([0, 7].map(schedule('3e-4 * constant()', 10)), [0.0003, 0.0003]);
});

test.run();
