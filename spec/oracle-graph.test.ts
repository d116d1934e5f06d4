/** The oracle case `preln`, as a graph built by hand, differentiated and interpreted. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { interpret } from '../src/backends/reference/interpret.ts';
import { verifyGraph } from '../src/compiler/ops/verify-graph.ts';
import { autodiff } from '../src/compiler/passes/autodiff.ts';
import { buildLlama } from './support/llama.ts';
import { distance, oracleFile, stackedTensor, tensorOf } from './support/oracle.ts';

const DIMS = { depth: 4, batch: 3, time: 17, vocab: 61, heads: 3, head: 8, hidden: 40 };

test('loss, logits and every gradient of preln, in float64', () => {
  const graph = autodiff.run(buildLlama(DIMS));
  verifyGraph(graph);
  const [weights, batch, expected] = [
    oracleFile('preln', 'weights'),
    oracleFile('preln', 'batch'),
    oracleFile('preln', 'expected'),
  ];
  const out = interpret(graph, {
    inputs: new Map(['tokens', 'targets'].map((name) => [name, tensorOf(batch, name)])),
    weights: new Map(graph.weights.map((w) => [w.id, stackedTensor(weights, w)])),
    runtime: { step: 0, lr: 0 },
    seed: 0,
    micro: 0,
  });
  const get = (name: string): Float64Array => out.get(name) ?? new Float64Array();
  for (const name of ['loss', 'logits']) {
    assert.ok(distance(get(name), tensorOf(expected, name)) < 1e-6, name);
  }
  const floor = 1e-4 * (tensorOf(expected, 'grad_norm')[0] ?? 0);
  for (const weight of graph.weights) {
    const error = distance(get(`grad.${weight.id}`), stackedTensor(expected, weight, 'grad.'), floor);
    assert.ok(error < 1e-6, `grad.${weight.id}: ${error}`);
  }
});

test.run();
