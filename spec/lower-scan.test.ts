/** Kernels of recurrences against the float64 interpreter: sizes that no kernel likes, both directions, fused and not. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Axis, Graph, ValueId } from '../src/compiler/ir/graph.ts';
import type { Region } from '../src/compiler/ir/region.ts';
import { floats } from '../src/compiler/ir/tensor-type.ts';
import { lowerRegion } from '../src/compiler/lower/lower-region.ts';
import { type Builder, makeBuilder } from '../src/compiler/ops/builder.ts';
import * as m from '../src/compiler/ops/make.ts';
import { fusePass } from '../src/compiler/passes/fuse/fuse.ts';
import { axis } from './support/llama-graph.ts';
import { regionsOf } from './support/region-graph.ts';
import { compareHere, compareOnDevice, limitsOf, openGpu } from './support/run-fused.ts';

const device = await openGpu();
const [batch, width] = [axis('batch', 3), axis('width', 37)];
const times = (size: number): Axis => axis('time', size);

const input = (b: Builder, name: string, ...axes: readonly Axis[]): ValueId => b.input({ name, type: floats(axes) });
const decay = (b: Builder, x: ValueId): ValueId => m.unary(b, 'exp', m.unary(b, 'neg', m.unary(b, 'abs', x)));
const recur = (b: Builder, over: Axis, a: ValueId, x: ValueId, reverse = false): ValueId =>
  b.op('recur', { over: over.id, reverse }, [a, x]);

function graphOf(build: (b: Builder) => readonly ValueId[]): Graph {
  const b = makeBuilder();
  return b.finish(build(b).map((value, i) => ({ name: `out${i}`, value })));
}

function regions(graph: Graph): readonly Region[] {
  const pass = fusePass({ fuse: true, limits: limitsOf('cpu') });
  const fused = pass.run(graph);
  pass.verify(fused);
  return regionsOf(fused.steps);
}

async function check(graph: Graph): Promise<void> {
  for (const fuse of [true, false]) {
    const differences = [
      ...compareHere(graph, limitsOf('cpu'), lowerRegion, fuse),
      ...compareHere(graph, limitsOf('gpu'), lowerRegion, fuse),
      ...(await compareOnDevice(device, graph, limitsOf('cpu'), lowerRegion, fuse)),
    ];
    for (const { output, relative } of differences) {
      assert.ok(relative < 2e-6, `${output} is off by ${relative}${fuse ? '' : ', unfused'}`);
    }
  }
}

for (const size of [1, 2, 45]) {
  for (const reverse of [false, true]) {
    test(`a recurrence of ${size}${reverse ? ' in reverse' : ''}, with what is pointwise around it in one kernel`, async () => {
      const time = times(size);
      const graph = graphOf((b) => {
        const [a, x, gate] = [
          input(b, 'a', time),
          input(b, 'x', batch, time, width),
          input(b, 'g', width, batch, time),
        ];
        const h = recur(b, time, decay(b, a), m.mul(b, x, x), reverse);
        return [m.mul(b, m.unary(b, 'tanh', h), gate)];
      });
      assert.equal(
        regions(graph).map((r) => [r.kind, r.roots.length]),
        [['scan', 1]],
      );
      await check(graph);
    });
  }
}

test('what is added may lack axes, and the factor may lack time', async () => {
  const time = times(9);
  await check(
    graphOf((b) => [
      recur(b, time, decay(b, input(b, 'a', batch, time, width)), input(b, 'x', width)),
      recur(b, time, m.scalar(b, 1), input(b, 'y', time)),
      recur(b, time, decay(b, input(b, 'c', width)), input(b, 'z', width, time, batch), true),
    ]),
  );
});

test('one recurrence into another, and two side by side, are one kernel', async () => {
  const time = times(13);
  const graph = graphOf((b) => {
    const [a, x] = [decay(b, input(b, 'a', time, width)), input(b, 'x', batch, time, width)];
    const first = recur(b, time, a, x);
    const second = recur(b, time, m.scalar(b, 0.5), m.mul(b, first, x));
    return [first, second, m.mul(b, m.mul(b, a, first), second)];
  });
  assert.equal(
    regions(graph).map((r) => [r.kind, r.roots.length]),
    [['scan', 3]],
  );
  await check(graph);
});

test('what is needed at other places, in another direction or in a sum is another kernel', async () => {
  const [time, part] = [times(13), axis('part', 12)];
  const graph = graphOf((b) => {
    const [a, x] = [decay(b, input(b, 'a', time, width)), input(b, 'x', batch, time, width)];
    const h = recur(b, time, a, x);
    const kept = b.op('slice', { from: time.id, start: 0, into: part }, [h]);
    const before = b.op('pad', { from: part.id, before: 1, into: time }, [kept]);
    return [
      m.mul(b, before, h),
      recur(b, time, a, h, true),
      m.mul(b, x, m.expand(b, m.sum(b, h, [width.id]), [width])),
    ];
  });
  assert.is(regions(graph).filter((r) => r.kind === 'scan').length, 2);
  assert.ok(regions(graph).some((r) => r.kind === 'rows'));
  await check(graph);
});

test('no kernel of a recurrence takes more bindings than there are', async () => {
  const time = times(5);
  const graph = graphOf((b) => {
    const parts = Array.from({ length: 12 }, (_, i) => input(b, `x${i}`, time, width));
    const x = parts.reduce((sum, part, i) => m.add(b, m.mul(b, sum, m.scalar(b, 1 + i)), part));
    return [recur(b, time, m.scalar(b, 0.9), x)];
  });
  for (const r of regions(graph)) assert.ok(r.reads.length + r.roots.length <= 8, r.name);
  await check(graph);
});

test.run();
