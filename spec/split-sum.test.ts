/** Sums of products in pieces: where that pays, and that the numbers are those of the whole sum. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CUDA_LIMITS } from '../src/backends/cuda/limits.ts';
import type { TargetLimits } from '../src/compiler/ir/kernel.ts';
import { lowerRegion } from '../src/compiler/lower/lower-region.ts';
import * as m from '../src/compiler/ops/make.ts';
import { fusePass } from '../src/compiler/passes/fuse/fuse.ts';
import { precisionPass } from '../src/compiler/passes/precision/precision.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { openCudaTestDevice } from './support/devices.ts';
import { axis } from './support/llama-graph.ts';
import { graphOf, input, type Make } from './support/product-cases.ts';
import { prepareGraph } from './support/run-fused.ts';
import { runPrepared } from './support/run-prepared.ts';

const [batch, time] = [axis('batch', 8), axis('time', 1024)];

/** Gradients of weights of these sizes, for one input. */
function gradients(width: number, ...heights: readonly number[]): Make {
  const inner = axis('inner', width);
  return (b) => {
    const x = input(b, 'x', [batch, time, inner]);
    const results = heights.map((size, i) => {
      const outer = axis(`outer${i}`, size);
      const dy = input(b, `dy${i}`, [batch, time, outer]);
      return [`dw${i}`, m.contract(b, x, dy, [batch.id, time.id], { name: `dw${i}` })] as const;
    });
    return Object.fromEntries(results);
  };
}

/** The pieces of each product's sum; 1 for one that is whole. */
function piecesOf(make: Make, matrixUnits: number, precision: 'f32' | 'bf16' = 'bf16'): readonly number[] {
  const pass = fusePass({ fuse: true, limits: { ...CUDA_LIMITS, matrixUnits }, precision });
  const fused = pass.run(graphOf(make));
  pass.verify(fused);
  return fused.steps.flatMap((step) =>
    step.kind === 'region' && step.region.kind === 'product'
      ? step.region.parts.map(({ batch }) => batch.reduce((n, { size }) => n * size, 1))
      : [],
  );
}

test('a product with few tiles is cut into pieces that keep all multiprocessors busy', () => {
  for (const units of [64, 108, 132]) {
    const [pieces = 1] = piecesOf(gradients(256, 256), units);
    // Tiles of 64 by 64.
    assert.ok(pieces > 1 && 16 * pieces >= units / 2, `${pieces} on ${units}`);
  }
});

test('what has tiles enough, alone or beside what shares its launch, stays whole', () => {
  assert.equal(piecesOf(gradients(768, 3072), 108), [1]);
  assert.equal(piecesOf(gradients(256, 256), 1), [1]);
  assert.equal(piecesOf(gradients(768, 768, 768, 768), 108), [1, 1, 1]);
});

test('no short sum is cut, and nothing on a target that does not say how many multiprocessors it has', () => {
  const [r, k, c] = [axis('r', 64), axis('k', 256), axis('c', 64)];
  const short: Make = (b) => ({ y: m.contract(b, input(b, 'x', [r, k]), input(b, 'w', [k, c]), [k.id]) });
  assert.equal(piecesOf(short, 108), [1]);
  assert.equal(piecesOf(gradients(256, 256), 0), [1]);
});

test('partial sums stay f32 where products are narrow', () => {
  const fused = fusePass({ fuse: true, limits: { ...CUDA_LIMITS, matrixUnits: 108 }, precision: 'bf16' }).run(
    graphOf((b) => {
      const { dw0 } = gradients(256, 256)(b);
      // Were it no output itself, it would be stored narrow.
      return { y: m.sum(b, m.mul(b, present(dw0, 'a gradient'), input(b, 'g', [axis('outer0', 256)])), []) };
    }),
  );
  const typed = precisionPass('bf16', 'nearest').run(fused);
  const partial = typed.graph.block.ops.filter((op) => op.kind === 'contract').flatMap((op) => op.results);
  assert.ok(partial.length > 0);
  for (const { type, name } of partial) assert.is(type.storage, 'f32', name);
});

const device = await openCudaTestDevice();

test('pieces add up to the whole sum, whichever axis is cut', async () => {
  const [many, long, r, c] = [axis('many', 3), axis('long', 2048), axis('r', 40), axis('c', 24)];
  const make: Make = (b) => ({
    dw: m.contract(b, input(b, 'x', [many, long, r]), input(b, 'dy', [many, long, c]), [many.id, long.id]),
    turned: m.contract(b, input(b, 'xt', [r, long]), input(b, 'yt', [c, long]), [long.id]),
  });
  const limits: TargetLimits = { ...CUDA_LIMITS, matrixUnits: 64 };
  for (const precision of ['bf16', 'f32'] as const) {
    assert.ok(piecesOf(make, limits.matrixUnits, precision).every((n) => n > 1));
    const prepared = prepareGraph(graphOf(make), limits, lowerRegion, true, precision);
    for (const { output, relative } of await runPrepared(device, prepared))
      assert.ok(relative < 1e-6, `${output} is off by ${relative} in ${precision}`);
  }
});

test.after(() => device.close());
test.run();
