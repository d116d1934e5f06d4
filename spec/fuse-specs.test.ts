/** Launches of whole specifications, counted before kernels are made. */
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { interpret } from '../src/backends/reference/interpret.ts';
import type { Graph } from '../src/compiler/ir/graph.ts';
import type { FusedGraph, Region, RegionStep } from '../src/compiler/ir/region.ts';
import { elementsOf } from '../src/compiler/ir/tensor-type.ts';
import { autodiff } from '../src/compiler/passes/autodiff.ts';
import { fusePass } from '../src/compiler/passes/fuse/fuse.ts';
import { hoist } from '../src/compiler/passes/hoist.ts';
import { mergeContracts } from '../src/compiler/passes/merge-contracts.ts';
import { simplify } from '../src/compiler/passes/simplify/simplify.ts';
import { splitTotals } from '../src/compiler/passes/totals.ts';
import { defuse } from './support/defuse.ts';
import { elaborated, LLAMA } from './support/elaborated.ts';
import { hostOf } from './support/gradient-check.ts';

/** Kernels of the update: the norm of the gradients in two steps, and Adam. */
const UPDATE = 3;

function jointGraph(text: string, set: readonly string[] = []): Graph {
  const { graph } = splitTotals(elaborated(text, { set: ['depth=6', ...set] }).graph, 1);
  return [simplify, hoist, autodiff, simplify, mergeContracts, hoist].reduce((g, pass) => pass.run(g), graph);
}

function fused(graph: Graph, fuse = true): FusedGraph {
  const pass = fusePass({ fuse, limits: { storageBindings: 8, bindingBytes: 2 ** 27, offsetAlignment: 256 } });
  const result = pass.run(graph);
  pass.verify(result);
  return result;
}

interface Counts {
  readonly outside: number;
  /** Of the loops of all bodies, forward and backward: one for each when the layers are alike. */
  readonly loops: readonly number[];
  readonly bytes: number;
}

function countLaunches(text: string, set: readonly string[] = []): Counts {
  const result = fused(jointGraph(text, set));
  const regions = (steps: readonly RegionStep[]): readonly Region[] =>
    steps.flatMap((s) => (s.kind === 'region' ? [s.region] : regions(s.body)));
  const ids = regions(result.steps).flatMap((r) => [...r.reads, ...r.roots]);
  return {
    outside: result.steps.filter((s) => s.kind === 'region').length,
    loops: result.steps.flatMap((s) => (s.kind === 'loop' ? [s.body.length] : [])),
    bytes: ids.reduce((sum, id) => sum + 4 * elementsOf(result.layouts.get(id) ?? []), 0),
  };
}

test('a LLaMA takes at most 24 launches a layer and 15 outside, its update included', () => {
  for (const heads of [['heads=4'], ['heads=4', 'kv=2'], ['heads=4', 'kv=1']]) {
    const { outside, loops } = countLaunches(LLAMA, heads);
    assert.ok(outside + UPDATE <= 15, `${outside} outside with ${heads}`);
    assert.equal(loops, [8, 13], heads.join());
  }
});

test('LayerNorm Scaling takes the launches and the bytes of PreNorm', () => {
  assert.equal(countLaunches(LLAMA, ['scheme=LNS']), countLaunches(LLAMA, ['scheme=PreNorm']));
});

test('scaling a branch after it costs no launch either', () => {
  const after = `${LLAMA}\nAfter = Scheme(site = (x, f, N, l, L) => x + f(N(x)) / sqrt(l))`.replace(
    '{PreNorm}',
    '{PreNorm, Scheme}',
  );
  assert.equal(countLaunches(after, ['scheme=After']).loops, [8, 13]);
});

test('a norm and an activation written in the specification change no launch', () => {
  const own = `${LLAMA}
fn MaxNorm()(x: [.., c]) {
  param gain: [c] ~ 1
  return x / (1 + max(abs(x), over = c)) * gain
}
fn Gated(hidden: axis)(x: [.., width]) {
  param w_gate, w_up: [width -> hidden] ~ normal(0.02)
  param w_down: [hidden -> width] ~ normal(0.02)
  gate = x @ w_gate
  return (gate * tanh(softplus(gate)) * (x @ w_up)) @ w_down
}`;
  const plain = countLaunches(LLAMA);
  const strange = countLaunches(
    own.replace('RMSNorm()(x)', 'MaxNorm()(x)').replace('= SwiGLU(hidden)', '= Gated(hidden)'),
  );
  assert.equal(strange.loops, plain.loops);
  assert.equal(strange.outside, plain.outside);
});

test('schemes with more norms or gates take few more', () => {
  const layers = (scheme: string): number =>
    countLaunches(LLAMA, [`scheme=${scheme}`]).loops.reduce((sum, n) => sum + n, 0);
  const most = { PostNorm: 21, DeepNorm: 21, Sandwich: 26, OLMo2: 21, Parallel: 17, 'GPAS()': 22, ReZero: 18 };
  for (const [scheme, wanted] of Object.entries(most))
    assert.ok(layers(scheme) <= wanted, `${scheme}: ${layers(scheme)}`);
});

test('regions of specifications give what their graphs give', () => {
  const tokens = Array.from({ length: 15 }, (_, i) => (i * 7) % 61);
  const targets = tokens.map((t, i) => (i % 5 === 0 ? -1 : (t + 1) % 61));
  const custom = readFileSync(new URL('../examples/custom.tfm', import.meta.url), 'utf8');
  const cases = [
    [LLAMA, ['scheme=Sandwich', 'heads=4', 'kv=2']],
    [LLAMA, ['scheme=GPAS()']],
    [LLAMA, ['scheme=MixLN(0.5)']],
    [custom, ['vocab=61', 'width=24', 'hidden=40']],
  ] as const;
  for (const [text, set] of cases) {
    const graph = jointGraph(text, [...set, 'depth=2']);
    const host = hostOf(graph, { inputs: { tokens, targets } });
    const wanted = interpret(graph, host);
    for (const fuse of [true, false]) {
      const found = interpret(defuse(fused(graph, fuse)), host);
      for (const [name, data] of wanted) {
        const largest = data.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
        const error = data.reduce(
          (most, x, i) => Math.max(most, Math.abs(x - (found.get(name)?.[i] ?? Number.NaN))),
          0,
        );
        assert.ok(error <= 1e-11 * largest, `${name} of ${set}: ${error} of ${largest}`);
      }
    }
  }
});

test.run();
