import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Axis, Graph, ValueId } from '../src/compiler/ir/graph.ts';
import type { Region } from '../src/compiler/ir/region.ts';
import { floats } from '../src/compiler/ir/tensor-type.ts';
import type { LowerContext } from '../src/compiler/lower/context.ts';
import { lowerProduct } from '../src/compiler/lower/product.ts';
import { lowerRows } from '../src/compiler/lower/rows.ts';
import { type Builder, makeBuilder } from '../src/compiler/ops/builder.ts';
import * as m from '../src/compiler/ops/make.ts';
import { InternalError } from '../src/compiler/support/invariant.ts';
import { axis } from './support/llama-graph.ts';
import { compareHere, compareOnDevice, limitsOf, openGpu, subgroupSizeOf } from './support/run-fused.ts';

const device = await openGpu();
const subgroup = subgroupSizeOf(device);

function lower(context: LowerContext, region: Region) {
  if (region.kind === 'product') return lowerProduct(context, region);
  if (region.kind === 'rows') return lowerRows(context, region);
  throw new InternalError(`${region.kind} is not under test`);
}

async function check(make: (b: Builder) => Readonly<Record<string, ValueId>>, tolerance = 1e-6): Promise<void> {
  const b = makeBuilder();
  const graph: Graph = b.finish(Object.entries(make(b)).map(([name, value]) => ({ name, value })));
  const differences = [
    ...(await compareOnDevice(device, graph, limitsOf('cpu'), lower)),
    ...(subgroup > 0 ? await compareOnDevice(device, graph, limitsOf('cpu', subgroup), lower) : []),
    ...compareHere(graph, limitsOf('cpu'), lower),
    ...compareHere(graph, limitsOf('cpu', 8), lower),
    ...compareHere(graph, limitsOf('gpu'), lower),
  ];
  for (const { output, relative } of differences) assert.ok(relative < tolerance, `${output} is off by ${relative}`);
}

const input = (b: Builder, name: string, axes: readonly Axis[]): ValueId => b.input({ name, type: floats(axes) });
const [batch, time, width, hidden, vocab] = [
  axis('batch', 3),
  axis('time', 17),
  axis('width', 24),
  axis('hidden', 40),
  axis('vocab', 61),
];

test('products of all small sizes, whichever operand comes first', async () => {
  for (const [rows, columns, summed] of [
    [1, 1, 1],
    [1, 61, 24],
    [61, 1, 40],
    [17, 24, 1],
    [7, 33, 5],
    [70, 130, 17],
    [9, 8, 300],
  ]) {
    const [r, c, k] = [axis('r', rows ?? 1), axis('c', columns ?? 1), axis('k', summed ?? 1)];
    await check((b) => {
      const [x, y] = [input(b, 'x', [r, k]), input(b, 'y', [k, c])];
      const [xt, yt] = [input(b, 'xt', [k, r]), input(b, 'yt', [c, k])];
      return {
        plain: m.contract(b, x, y, [k.id]),
        left: m.contract(b, xt, y, [k.id]),
        right: m.contract(b, x, yt, [k.id]),
        both: m.contract(b, yt, xt, [k.id]),
      };
    });
  }
});

test('an epilogue combines the accumulators of a part', async () => {
  await check((b) => {
    const x = input(b, 'x', [batch, time, width]);
    const gate = m.contract(b, x, input(b, 'w_gate', [width, hidden]), [width.id], { name: 'gate' });
    const up = m.contract(b, x, input(b, 'w_up', [width, hidden]), [width.id], { name: 'up' });
    const one = m.scalar(b, 1);
    const swish = m.binary(b, 'div', gate, m.add(b, one, m.unary(b, 'exp', m.unary(b, 'neg', gate))));
    return { hidden: m.mul(b, swish, up) };
  });
});

test('parts of unlike sizes share a launch', async () => {
  const [heads, kv, size] = [axis('head', 3), axis('kv', 1), axis('size', 5)];
  await check((b) => {
    const x = input(b, 'x', [batch, time, width]);
    return {
      q: m.contract(b, x, input(b, 'wq', [width, heads, size]), [width.id], { name: 'q' }),
      k: m.contract(b, x, input(b, 'wk', [width, kv, size]), [width.id], { name: 'k' }),
      v: m.contract(b, x, input(b, 'wv', [width, vocab]), [width.id], { name: 'v' }),
    };
  });
});

test('batch axes, and operands seen through views', async () => {
  const [heads, size, key] = [axis('head', 3), axis('size', 8), axis('key', 17)];
  await check((b) => {
    const q = b.op('split', { from: width.id, into: [heads, size] }, [input(b, 'q', [batch, time, width])]);
    const k = b.op('split', { from: width.id, into: [heads, size] }, [input(b, 'k', [batch, time, width])]);
    const keys = b.op('rename', { from: time.id, to: key }, [k]);
    return { scores: m.contract(b, q, keys, [size.id], { name: 'scores' }) };
  });
});

test('gradients of weights sum over several axes, however long', async () => {
  const [many, long] = [axis('many', 40), axis('long', 67)];
  await check((b) => {
    const x = input(b, 'x', [many, long, width]);
    const dy = input(b, 'dy', [many, long, hidden]);
    return { dw: m.contract(b, x, dy, [many.id, long.id], { name: 'dw' }) };
  });
});

test('a sum of contractions over unlike axes', async () => {
  await check((b) => {
    const sum = b.op('contract', { terms: [[hidden.id], [vocab.id]] }, [
      input(b, 'dh', [batch, time, hidden]),
      input(b, 'w', [width, hidden]),
      input(b, 'dl', [batch, time, vocab]),
      input(b, 'u', [vocab, width]),
    ]);
    return { dx: m.add(b, sum, input(b, 'dy', [batch, time, width])) };
  });
});

test('workgroup memory on a device', async () => {
  const b = makeBuilder();
  const x = input(b, 'x', [batch, time, hidden]);
  const graph = b.finish([{ name: 'y', value: m.contract(b, x, input(b, 'w', [hidden, vocab]), [hidden.id]) }]);
  for (const { relative } of await compareOnDevice(device, graph, limitsOf('gpu'), lower)) assert.ok(relative < 1e-6);
});

test.run();
