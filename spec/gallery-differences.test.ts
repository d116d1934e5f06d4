/** The gradient of every weight of every example and of the gallery, at a small size, against differences of the float64 loss. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { interpret } from '../src/backends/reference/interpret.ts';
import { elaborate } from '../src/compiler/elaborate/elaborate.ts';
import type { Graph, WeightId } from '../src/compiler/ir/graph.ts';
import { splitTotals } from '../src/compiler/passes/totals.ts';
import { referenceGraph } from '../src/compiler/reference-graph.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { makeSource } from '../src/compiler/support/source.ts';
import { EXAMPLES, GALLERY, livelyValues, smallSizes, targets, textOf, tokens } from './support/gallery.ts';
import { noise } from './support/gradient-check.ts';

type Weights = ReadonlyMap<WeightId, Float64Array>;

const inputs = new Map(Object.entries({ tokens, targets }).map(([name, data]) => [name, Float64Array.from(data)]));
const run = (graph: Graph, weights: Weights) =>
  interpret(graph, { inputs, weights, runtime: { step: 20, lr: 0 }, seed: 7, micro: 0 });
const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, v, i) => sum + v * (b[i] ?? 0), 0);

for (const file of [...EXAMPLES, ...GALLERY]) {
  test(`${file}: its gradient against differences of the loss`, () => {
    // What stops a gradient has another one than its value says; all the rest is checked with nothing stopped.
    const text = textOf(file).replaceAll('stop_gradient(', 'id(');
    const source = makeSource('test.tfm', text);
    const { graph } = elaborate({ source, set: smallSizes(text), training: true, want: 'loss' });
    const { graph: forward } = splitTotals(graph, 1);
    const weights = new Map(
      graph.weights.map(({ id, axes, members }) => {
        const shape = axes.map((a) => a.size);
        return [id, Float64Array.from(members.flatMap((m) => [...livelyValues(m, shape)]))] as const;
      }),
    );
    const found = run(referenceGraph(graph), weights);
    for (const { id, members } of graph.weights) {
      if (members.every((m) => m.freeze)) continue;
      const start = present(weights.get(id), id);
      const direction = noise(`d ${id}`, start.length);
      const slope = dot(present(found.get(`grad.${id}`), `gradient of ${id}`), direction);
      const lossAt = (h: number): number => {
        const moved = start.map((v, i) => v + h * (direction[i] ?? 0));
        return present(run(forward, new Map([...weights, [id, moved]])).get('loss')?.[0], 'loss');
      };
      const isNear = (difference: number): boolean => Math.abs(difference - slope) <= 1e-6 * Math.abs(slope) + 1e-8;
      const h = 1e-5;
      const near = lossAt(h) - lossAt(-h);
      if (isNear(near / (2 * h))) continue;
      // Of fourth order, because some losses bend much.
      const far = lossAt(2 * h) - lossAt(-2 * h);
      const difference = (8 * near - far) / (12 * h);
      assert.ok(isNear(difference), `${id}: ${difference} is not ${slope}`);
    }
  });
}

test.run();
