import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Block } from '../src/compiler/ir/graph.ts';
import { printKernel } from '../src/compiler/ir/print-kernel.ts';
import { floats, tensor } from '../src/compiler/ir/tensor-type.ts';
import { lowerContext } from '../src/compiler/lower/context.ts';
import { lowerRegion } from '../src/compiler/lower/lower-region.ts';
import { makeBuilder } from '../src/compiler/ops/builder.ts';
import * as m from '../src/compiler/ops/make.ts';
import { isAlwaysTrue, maskBounds, pairsWithin } from '../src/compiler/ops/mask-bounds.ts';
import { fusePass } from '../src/compiler/passes/fuse/fuse.ts';
import {
  type AttentionCase,
  attention,
  batch,
  causal,
  everything,
  type Rule,
  sliding,
} from './support/attention-graph.ts';
import { axis } from './support/llama-graph.ts';
import { compareHere, compareOnDevice, limitsOf, openGpu } from './support/run-fused.ts';

const device = await openGpu();

async function check(options: AttentionCase, onDevice = true): Promise<void> {
  const { graph } = attention(options);
  const differences = [
    ...compareHere(graph, limitsOf('cpu'), lowerRegion),
    ...compareHere(graph, limitsOf('gpu'), lowerRegion),
    ...(onDevice ? await compareOnDevice(device, graph, limitsOf('cpu'), lowerRegion) : []),
  ];
  for (const { output, relative } of differences) assert.ok(relative < 2e-5, `${output} is off by ${relative}`);
}

test('causal attention, forward and backward', () => check({ time: 17, head: 8, mask: causal }));

// Enough rows for blocks of 16 where the driver unrolls loops, and no multiple of them.
test('many rows', () => check({ time: 70, head: 6, mask: sliding(40), group: 2 }));

test('one query, one element', () => check({ time: 1, head: 1, mask: causal }, false));

test('everything is seen, and values have a size of their own', () =>
  check({ time: 40, head: 3, value: 5, mask: everything, group: 1 }));

test('a window and a soft cap', () => check({ time: 45, head: 6, mask: sliding(5), cap: 0.7, kv: 2 }));

test('a head that is wider than a block', () => check({ time: 5, head: 48, mask: causal }, false));

test('a window that is wider than the sequence bounds nothing', () => {
  const limits = limitsOf('cpu');
  const fused = fusePass({ fuse: true, limits }).run(
    attention({ time: 40, head: 1, mask: sliding(2 ** 31 - 1) }).graph,
  );
  const context = lowerContext(fused, limits);
  for (const step of fused.steps) {
    assert.ok(step.kind === 'region');
    const loops = printKernel(lowerRegion(context, step.region)).match(/for first_.*/g) ?? [];
    assert.is(loops.length, 1);
    assert.not.match(loops.join(), /\d{4}/);
  }
});

test('keys and values are shared by unlike groups of queries', () =>
  check({ time: 5, head: 2, value: 3, kv: 2, group: 3, mask: causal, cap: 0.7, unlike: true }));

test('a mask that reads data', () =>
  check({
    time: 19,
    head: 4,
    documents: true,
    mask: (b, i, j, document) =>
      m.binary(b, 'or', m.binary(b, 'eq', i, j), m.binary(b, 'lt', document ?? i, m.intScalar(b, 3))),
  }));

const boundsOf = (mask: Rule) => maskBounds(attention({ time: 9, head: 1, mask }).attrs);

test('bounds of masks', () => {
  assert.equal(boundsOf(causal), { behind: undefined, ahead: 0 });
  assert.equal(boundsOf(sliding(5)), { behind: 4, ahead: 0 });
  assert.equal(boundsOf(everything), { behind: undefined, ahead: undefined });
  const strict: Rule = (b, i, j) => m.unary(b, 'not', m.binary(b, 'ge', m.binary(b, 'add', j, m.intScalar(b, 2)), i));
  assert.equal(boundsOf(strict), { behind: undefined, ahead: -3 });
  const either: Rule = (b, i, j) => m.binary(b, 'or', causal(b, i, j, undefined), m.binary(b, 'eq', j, i));
  assert.equal(boundsOf(either), { behind: undefined, ahead: undefined });
  assert.is(pairsWithin({ behind: undefined, ahead: 0 }, 4), 10);
  assert.is(pairsWithin({ behind: 1, ahead: 0 }, 4), 7);
});

test('a mask of a constant', () => {
  const yes = (values: readonly number[]): Block => {
    const b = makeBuilder();
    return b.block([], () => [b.leaf('constant', { values }, tensor('bool', []))]);
  };
  assert.is(isAlwaysTrue(yes([1])), true);
  assert.is(isAlwaysTrue(yes([0])), false);
});

test('scatter keeps the axes of the ids that the table has', () => {
  const [time, width, vocab] = [axis('time', 17), axis('width', 11), axis('vocab', 6)];
  for (const channels of [[width], []]) {
    const b = makeBuilder();
    const values = b.input({ name: 'values', type: floats([batch, time, ...channels]) });
    const ids = b.input({ name: 'ids', type: tensor('int', [batch, time]) });
    const table = b.op('scatter_add', { axis: vocab, axes: [batch, vocab, ...channels] }, [values, ids]);
    const graph = b.finish([{ name: 'table', value: table }]);
    for (const target of ['cpu', 'gpu'] as const) {
      const differences = compareHere(graph, limitsOf(target), lowerRegion);
      for (const { relative } of differences) assert.ok(relative < 1e-6, `off by ${relative}`);
    }
  }
});

test('scatter adds rows in order, for ids out of bounds too', async () => {
  const [time, width, vocab] = [axis('time', 17), axis('width', 11), axis('vocab', 6)];
  const b = makeBuilder();
  const values = b.input({ name: 'values', type: floats([batch, time, width]) });
  const ids = b.input({ name: 'ids', type: tensor('int', [batch, time]) });
  const result = b.op('scatter_add', { axis: vocab, axes: [vocab, width] }, [values, ids]);
  const graph = b.finish([{ name: 'table', value: result }]);
  const differences = [
    ...compareHere(graph, limitsOf('cpu'), lowerRegion),
    ...compareHere(graph, limitsOf('gpu'), lowerRegion),
    ...(await compareOnDevice(device, graph, limitsOf('cpu'), lowerRegion)),
  ];
  for (const { relative } of differences) assert.ok(relative < 1e-6, `off by ${relative}`);
});

test.run();
