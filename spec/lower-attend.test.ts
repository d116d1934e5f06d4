import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { AttendAttrs, Axis, Block, ValueId } from '../src/compiler/ir/graph.ts';
import { printKernel } from '../src/compiler/ir/print-kernel.ts';
import { floats, tensor } from '../src/compiler/ir/tensor-type.ts';
import { lowerContext } from '../src/compiler/lower/context.ts';
import { lowerRegion } from '../src/compiler/lower/lower-region.ts';
import { type Builder, makeBuilder } from '../src/compiler/ops/builder.ts';
import * as m from '../src/compiler/ops/make.ts';
import { isAlwaysTrue, maskBounds, pairsWithin } from '../src/compiler/ops/mask-bounds.ts';
import { fusePass } from '../src/compiler/passes/fuse/fuse.ts';
import { axis } from './support/llama-graph.ts';
import { compareHere, compareOnDevice, limitsOf, openGpu } from './support/run-fused.ts';

const device = await openGpu();

interface Case {
  readonly time: number;
  readonly head: number;
  readonly value?: number;
  readonly kv?: number;
  readonly group?: number;
  readonly mask: Rule;
  readonly cap?: number;
  /** Sequences packed in a row: a query sees keys of its own document only, and a bias of its own for each head. */
  readonly documents?: boolean;
  /** The values have the groups of the queries and lack the heads of the keys. */
  readonly unlike?: boolean;
}

type Rule = (b: Builder, i: ValueId, j: ValueId, document: ValueId | undefined) => ValueId;

const causal: Rule = (b, i, j) => m.binary(b, 'le', j, i);
const everything: Rule = (b) => m.binary(b, 'eq', m.intScalar(b, 0), m.intScalar(b, 0));
const sliding =
  (width: number): Rule =>
  (b, i, j) =>
    m.binary(b, 'and', causal(b, i, j, undefined), m.binary(b, 'lt', m.binary(b, 'sub', i, j), m.intScalar(b, width)));

const batch = axis('batch', 2);

/** Attention and its gradients as outputs. */
function attention({ time: t, head: d, value: dv, kv = 1, group = 2, mask, cap, documents, unlike }: Case) {
  const b = makeBuilder();
  const [time, key, head] = [axis('time', t), axis('key', t), axis('head', d)];
  const value = dv === undefined ? head : axis('value', dv);
  const [kvs, groups] = [axis('kv', kv), axis('group', group)];
  const input = (name: string, axes: readonly Axis[]): ValueId => b.input({ name, type: floats(axes) });
  const q = input('q', [batch, time, kvs, groups, head]);
  const k = input('k', [batch, time, kvs, head]);
  const v = input('v', [batch, time, unlike ? groups : kvs, value]);
  const ids = documents ? [b.input({ name: 'document', type: tensor('int', [batch, key]) })] : [];
  const axes = [batch, time, kvs, groups, key];
  const int = { type: tensor('int', axes) };
  const captures = ids.map(() => ({ type: tensor('int', [batch, key]) }));
  const attrs: AttendAttrs = {
    over: time.id,
    key,
    on: head.id,
    scale: 1 / Math.sqrt(d),
    mask: b.block([int, int, ...captures], ([i = q, j = q, document]) => [m.conform(b, mask(b, i, j, document), axes)]),
    score: b.block([{ type: floats(axes) }, int, int, ...captures], ([s = q]) => [
      cap === undefined ? s : m.mul(b, m.scalar(b, cap), m.unary(b, 'tanh', m.mul(b, s, m.scalar(b, 1 / cap)))),
    ]),
  };
  const [o = q, lse = q] = b.opAll('attend', attrs, [q, k, v, ...ids], { names: ['o', 'lse'] });
  const given = input('do', [batch, time, kvs, groups, value]);
  const backward = [q, k, v];
  const [dq = q, delta = q] = b.opAll('attend_backward_query', attrs, [...backward, o, lse, given, ...ids], {
    names: ['dq', 'delta'],
  });
  const [dk = q, dv_ = q] = b.opAll('attend_backward_key', attrs, [...backward, lse, delta, given, ...ids], {
    names: ['dk', 'dv'],
  });
  const outputs = { o, lse, dq, dk, dv: dv_ };
  return { graph: b.finish(Object.entries(outputs).map(([name, id]) => ({ name, value: id }))), attrs };
}

async function check(options: Case, onDevice = true): Promise<void> {
  const { graph } = attention(options);
  const differences = [
    ...compareHere(graph, limitsOf('cpu'), lowerRegion),
    ...compareHere(graph, limitsOf('gpu'), lowerRegion),
    ...(onDevice ? await compareOnDevice(device, graph, limitsOf('cpu'), lowerRegion) : []),
  ];
  for (const { output, relative } of differences) assert.ok(relative < 2e-5, `${output} is off by ${relative}`);
}

test('causal attention, forward and backward', () => check({ time: 17, head: 8, mask: causal }));

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
