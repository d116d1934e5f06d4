/** Oracle cases as graphs built by hand, differentiated and interpreted, before and after the passes. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { interpret } from '../src/backends/reference/interpret.ts';
import type { Graph } from '../src/compiler/ir/graph.ts';
import { verifyGraph } from '../src/compiler/ops/verify-graph.ts';
import { autodiff } from '../src/compiler/passes/autodiff.ts';
import { hoist } from '../src/compiler/passes/hoist.ts';
import { mergeContracts } from '../src/compiler/passes/merge-contracts.ts';
import { simplify } from '../src/compiler/passes/simplify/simplify.ts';
import { buildLlama } from './support/llama.ts';
import { distance, oracleFile, stackedTensor, tensorOf } from './support/oracle.ts';

const DIMS = { depth: 4, batch: 3, time: 17, vocab: 61, heads: 3, head: 8, hidden: 40 };
const PASSES = [simplify, hoist, autodiff, simplify, mergeContracts, hoist];

function check(name: string, graph: Graph): void {
  verifyGraph(graph);
  const weights = oracleFile(name, 'weights');
  const batch = oracleFile(name, 'batch');
  const expected = oracleFile(name, 'expected');
  const out = interpret(graph, {
    inputs: new Map(['tokens', 'targets'].map((input) => [input, tensorOf(batch, input)])),
    weights: new Map(graph.weights.map((w) => [w.id, stackedTensor(weights, w)])),
    runtime: { step: 0, lr: 0 },
    seed: 0,
    micro: 0,
  });
  const get = (output: string): Float64Array => out.get(output) ?? new Float64Array();
  for (const output of ['loss', 'logits']) {
    assert.ok(distance(get(output), tensorOf(expected, output)) < 1e-6, `${name}: ${output}`);
  }
  const floor = 1e-4 * (tensorOf(expected, 'grad_norm')[0] ?? 0);
  for (const weight of graph.weights) {
    const error = distance(get(`grad.${weight.id}`), stackedTensor(expected, weight, 'grad.'), floor);
    assert.ok(error < 1e-6, `${name}: grad.${weight.id}: ${error}`);
  }
}

test('loss, logits and every gradient of preln, in float64', () => {
  check('preln', autodiff.run(buildLlama(DIMS)));
});

test('the same after all passes, for preln and, with a table of scales, lns', () => {
  const scale = [1, 2, 3, 4].map((l) => 1 / Math.sqrt(l));
  check(
    'preln',
    PASSES.reduce((graph, pass) => pass.run(graph), buildLlama(DIMS)),
  );
  check(
    'lns',
    PASSES.reduce((graph, pass) => pass.run(graph), buildLlama(DIMS, { scale })),
  );
});

test.run();
