/** What holds for every graph: passes keep its outputs, before and after differentiation. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { interpret } from '../src/backends/reference/interpret.ts';
import type { Graph } from '../src/compiler/ir/graph.ts';
import { verifyGraph } from '../src/compiler/ops/verify-graph.ts';
import { autodiff } from '../src/compiler/passes/autodiff.ts';
import { hoist } from '../src/compiler/passes/hoist.ts';
import { mergeContracts } from '../src/compiler/passes/merge-contracts.ts';
import { simplify } from '../src/compiler/passes/simplify/simplify.ts';
import { checkJoint, hostOf, noise } from './support/gradient-check.ts';
import { randomProgram } from './support/random-program.ts';

const GRAPHS = 150;

function outputs(graph: Graph): ReadonlyMap<string, Float64Array> {
  verifyGraph(graph);
  return interpret(graph, hostOf(graph, { inputs: { x: [...noise('x', 6)] } }));
}

function assertClose(
  found: ReadonlyMap<string, Float64Array>,
  expected: ReadonlyMap<string, Float64Array>,
  place: string,
) {
  assert.equal([...found.keys()], [...expected.keys()]);
  for (const [name, data] of expected) {
    const size = data.reduce((most, v) => Math.max(most, Math.abs(v)), 1);
    const other = found.get(name);
    const same = data.every((v, i) => Math.abs(v - (other?.[i] ?? Number.NaN)) <= 1e-9 * size);
    assert.ok(same, `${place}: ${name} is ${other}, not ${data}`);
  }
}

test('passes keep the outputs of random graphs and their gradients', () => {
  for (let seed = 0; seed < GRAPHS; seed += 1) {
    const graph = randomProgram(seed);
    const expected = outputs(autodiff.run(graph));
    const passes = [simplify, hoist, autodiff, simplify, mergeContracts, hoist, simplify];
    assertClose(outputs(passes.reduce((g, pass) => pass.run(g), graph)), expected, `graph ${seed}`);
    assertClose(outputs(simplify.run(autodiff.run(graph))), expected, `graph ${seed}, late`);
  }
});

test('gradients of random graphs are those of finite differences', () => {
  for (let seed = GRAPHS; seed < GRAPHS + 40; seed += 1) {
    const graph = randomProgram(seed);
    checkJoint(graph, autodiff.run(graph), hostOf(graph, { inputs: { x: [...noise('x', 6)] } }), 1e-5);
  }
});

test.run();
