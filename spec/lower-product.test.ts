import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Region } from '../src/compiler/ir/region.ts';
import type { LowerContext } from '../src/compiler/lower/context.ts';
import { lowerProduct } from '../src/compiler/lower/product.ts';
import { lowerRows } from '../src/compiler/lower/rows.ts';
import { makeBuilder } from '../src/compiler/ops/builder.ts';
import * as m from '../src/compiler/ops/make.ts';
import { InternalError } from '../src/compiler/support/invariant.ts';
import { axis } from './support/llama-graph.ts';
import {
  batch,
  graphOf,
  hidden,
  input,
  type Make,
  PRODUCT_CASES,
  time,
  vocab,
  width,
} from './support/product-cases.ts';
import { compareHere, compareOnDevice, limitsOf, openGpu, subgroupSizeOf } from './support/run-fused.ts';

const device = await openGpu();
const subgroup = subgroupSizeOf(device);

function lower(context: LowerContext, region: Region) {
  if (region.kind === 'product') return lowerProduct(context, region);
  if (region.kind === 'rows') return lowerRows(context, region);
  throw new InternalError(`${region.kind} is not under test`);
}

async function check(make: Make, tolerance = 1e-6): Promise<void> {
  const graph = graphOf(make);
  const differences = [
    ...(await compareOnDevice(device, graph, limitsOf('cpu'), lower)),
    ...(subgroup > 0
      ? await compareOnDevice(device, graph, { ...limitsOf('cpu', subgroup), unrolls: true }, lower)
      : []),
    ...compareHere(graph, limitsOf('cpu'), lower),
    ...compareHere(graph, limitsOf('cpu', 8), lower),
    ...compareHere(graph, { ...limitsOf('cpu', 8), unrolls: true }, lower),
    ...compareHere(graph, limitsOf('gpu'), lower),
  ];
  for (const { output, relative } of differences) assert.ok(relative < tolerance, `${output} is off by ${relative}`);
}

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

for (const [name, make] of Object.entries(PRODUCT_CASES)) test(name, () => check(make));

test('workgroup memory on a device', async () => {
  const b = makeBuilder();
  const x = input(b, 'x', [batch, time, hidden]);
  const graph = b.finish([{ name: 'y', value: m.contract(b, x, input(b, 'w', [hidden, vocab]), [hidden.id]) }]);
  for (const { relative } of await compareOnDevice(device, graph, limitsOf('gpu'), lower)) assert.ok(relative < 1e-6);
});

test.run();
