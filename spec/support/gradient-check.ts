/** Gradients of small graphs against central differences, in float64. */
import * as assert from 'uvu/assert';
import { interpret } from '../../src/backends/reference/interpret.ts';
import type { Axis, AxisId, Graph, ValueId, Weight, WeightId } from '../../src/compiler/ir/graph.ts';
import { elementsOf } from '../../src/compiler/ir/tensor-type.ts';
import { type Builder, makeBuilder } from '../../src/compiler/ops/builder.ts';
import * as m from '../../src/compiler/ops/make.ts';
import type { Host } from '../../src/compiler/ops/op-def.ts';
import { verifyGraph } from '../../src/compiler/ops/verify-graph.ts';
import { autodiff } from '../../src/compiler/passes/autodiff.ts';
import { hoist } from '../../src/compiler/passes/hoist.ts';
import { mergeContracts } from '../../src/compiler/passes/merge-contracts.ts';
import { simplify } from '../../src/compiler/passes/simplify/simplify.ts';
import { randomKey, randomUniform } from '../../src/compiler/support/random.ts';
import { GENERATED } from '../../src/compiler/support/source.ts';

export const axis = (name: string, size: number): Axis => ({ id: name as AxisId, name, size });

/** Numbers in (-1, 1) that depend on `name` only. */
export function noise(name: string, size: number): Float64Array {
  const key = randomKey(name);
  return Float64Array.from({ length: size }, (_, i) => 2 * randomUniform(key, [i]) - 1);
}

export function makeWeight(name: string, axes: readonly Axis[], stacked?: Axis): Weight {
  const names = stacked ? Array.from({ length: stacked.size }, (_, i) => `${i}.${name}`) : [name];
  const init = { kind: 'constant', value: 0 } as const;
  const members = names.map((n) => ({ name: n, init, lr: 1, eps: 1, decay: 0, clip: undefined, freeze: false }));
  return { id: name as WeightId, axes, stacked, members, span: GENERATED };
}

/** The sum of all elements of `x`, each times a number of its own, so that every element matters. */
export function scalarLoss(b: Builder, x: ValueId, name = 'loss'): ValueId {
  const { axes } = b.typeOf(x);
  const place = b.op('cast', { to: 'float' }, [m.index(b, axes)]);
  const factor = m.unary(b, 'cos', m.add(b, m.mul(b, place, m.scalar(b, 0.7)), m.scalar(b, name.length)));
  const products = m.mul(b, x, factor);
  return m.sum(
    b,
    products,
    axes.map((a) => a.id),
  );
}

export interface CheckOptions {
  readonly inputs?: Readonly<Record<string, readonly number[]>>;
  /** Values for weights instead of noise. */
  readonly values?: Readonly<Record<string, readonly number[]>>;
  readonly tolerance?: number;
}

export function hostOf(graph: Graph, { inputs = {}, values = {} }: CheckOptions = {}): Host {
  return {
    inputs: new Map(Object.entries(inputs).map(([name, data]) => [name, Float64Array.from(data)])),
    weights: new Map(
      graph.weights.map((w) => {
        const size = elementsOf(w.stacked ? [w.stacked, ...w.axes] : w.axes);
        const given = values[w.id];
        return [w.id, given ? Float64Array.from(given) : noise(w.id, size)];
      }),
    ),
    runtime: { step: 3, lr: 0.1 },
    seed: 7,
    micro: 0,
  };
}

function lossAt(graph: Graph, host: Host): number {
  return interpret(graph, host).get('loss')?.[0] ?? Number.NaN;
}

/** Builds a graph with the output `loss`, differentiates it, and compares every gradient with central differences. */
export function checkGradients(build: (b: Builder) => ValueId, options: CheckOptions = {}): Graph {
  const b = makeBuilder();
  const loss = build(b);
  const graph = b.finish([{ name: 'loss', value: loss }]);
  verifyGraph(graph);
  const joint = autodiff.run(graph);
  verifyGraph(joint);
  const host = hostOf(graph, options);
  checkPasses(graph, joint, host);
  checkJoint(graph, joint, host, options.tolerance);
  return joint;
}

/** Compares the loss and the gradients of `joint` with values and central differences of `graph`. */
export function checkJoint(graph: Graph, joint: Graph, host: Host, tolerance = 1e-6): void {
  const found = interpret(joint, host);
  assert.ok(Math.abs((found.get('loss')?.[0] ?? Number.NaN) - lossAt(graph, host)) < 1e-12, 'loss');
  for (const { id } of graph.weights) {
    const data = host.weights.get(id) ?? new Float64Array();
    const gradient = found.get(`grad.${id}`) ?? new Float64Array();
    assert.is(gradient.length, data.length, `size of grad.${id}`);
    for (let i = 0; i < data.length; i += 1) compareAt(graph, host, data, gradient, i, `${id}[${i}]`, tolerance);
  }
}

const PASSES = [simplify, mergeContracts, hoist, simplify];

/** The passes may change how the outputs are computed, before and after differentiation, but not what they are. */
function checkPasses(graph: Graph, joint: Graph, host: Host): void {
  const expected = interpret(joint, host);
  const early = autodiff.run([simplify, hoist].reduce((g, pass) => verified(pass.run(g)), graph));
  for (const start of [joint, verified(early)]) {
    PASSES.reduce((before, pass) => {
      const after = verified(pass.run(before));
      const found = interpret(after, host);
      for (const [name, data] of expected) assert.ok(close(found.get(name), data), `${pass.name} changes ${name}`);
      return after;
    }, start);
  }
}

function verified(graph: Graph): Graph {
  verifyGraph(graph);
  return graph;
}

function close(found: Float64Array | undefined, expected: Float64Array): boolean {
  if (found?.length !== expected.length) return false;
  const size = expected.reduce((most, v) => Math.max(most, Math.abs(v)), 1);
  return expected.every((v, i) => Math.abs(v - (found[i] ?? Number.NaN)) <= 1e-12 * size);
}

function compareAt(
  graph: Graph,
  host: Host,
  data: Float64Array,
  gradient: Float64Array,
  i: number,
  place: string,
  tolerance: number,
): void {
  const h = 1e-5;
  const at = data[i] ?? 0;
  data[i] = at + h;
  const above = lossAt(graph, host);
  data[i] = at - h;
  const below = lossAt(graph, host);
  data[i] = at;
  const difference = (above - below) / (2 * h);
  const error = Math.abs(difference - (gradient[i] ?? Number.NaN)) / Math.max(1, Math.abs(difference));
  assert.ok(error < tolerance, `${place}: gradient ${gradient[i]}, difference ${difference}`);
}
