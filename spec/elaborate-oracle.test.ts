/** The oracle's specs, elaborated, differentiated and interpreted in float64. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { interpret } from '../src/backends/reference/interpret.ts';
import { elaborate } from '../src/compiler/elaborate/elaborate.ts';
import type { Graph, Weight } from '../src/compiler/ir/graph.ts';
import { verifyGraph } from '../src/compiler/ops/verify-graph.ts';
import { autodiff } from '../src/compiler/passes/autodiff.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { makeSource } from '../src/compiler/support/source.ts';
import type { TensorFile } from '../src/runtime/safetensors.ts';
import { distance, oracleFile, tensorOf } from './support/oracle.ts';

const CASES = fileURLToPath(new URL('oracle/', import.meta.url));

interface Case {
  readonly name: string;
  readonly names: Readonly<Record<string, string>>;
}

function elaborated({ name }: Case, want: 'loss' | 'logits'): Graph {
  const source = makeSource(`${name}/model.tfm`, readFileSync(`${CASES}${name}/model.tfm`, 'utf8'));
  const { graph } = elaborate({ source, training: want === 'loss', want });
  verifyGraph(graph);
  return graph;
}

/** A weight from a file of the case, members one after another. */
function weightOf(file: TensorFile, { members }: Weight, { names }: Case, prefix = ''): Float64Array {
  const parts = members.map((m) => tensorOf(file, `${prefix}${present(names[m.name], `a name for ${m.name}`)}`));
  return Float64Array.from(parts.flatMap((part) => [...part]));
}

function run(graph: Graph, oracle: Case): ReadonlyMap<string, Float64Array> {
  const weights = oracleFile(oracle.name, 'weights');
  const batch = oracleFile(oracle.name, 'batch');
  return interpret(graph, {
    inputs: new Map(['tokens', 'targets'].map((name) => [name, tensorOf(batch, name)])),
    weights: new Map(graph.weights.map((w) => [w.id, weightOf(weights, w, oracle)])),
    runtime: { step: 0, lr: 0 },
    seed: 0,
    micro: 0,
  });
}

for (const name of ['preln', 'lns', 'postln', 'deepnorm', 'gpt2']) {
  test(`${name}: loss, logits and every gradient`, () => {
    const oracle: Case = { name, names: JSON.parse(readFileSync(`${CASES}${name}/names.json`, 'utf8')) };
    const expected = oracleFile(name, 'expected');
    const graph = autodiff.run(elaborated(oracle, 'loss'));
    const found = run(graph, oracle);
    const get = (output: string): Float64Array => present(found.get(output), output);
    assert.ok(distance(get('loss'), tensorOf(expected, 'loss')) < 1e-6, 'loss');
    const mean = (get('loss.sum')[0] ?? 0) / (get('loss.count')[0] ?? 0);
    assert.ok(Math.abs(mean - (get('loss')[0] ?? 0)) < 1e-12, 'the sum over the count is the loss');
    const logits = present(run(elaborated(oracle, 'logits'), oracle).get('logits'), 'logits');
    assert.ok(distance(logits, tensorOf(expected, 'logits')) < 1e-6, 'logits');
    const floor = 1e-4 * (tensorOf(expected, 'grad_norm')[0] ?? 0);
    for (const weight of graph.weights) {
      const error = distance(get(`grad.${weight.id}`), weightOf(expected, weight, oracle, 'grad.'), floor);
      assert.ok(error < 1e-6, `grad.${weight.id}: ${error}`);
    }
  });
}

test.run();
