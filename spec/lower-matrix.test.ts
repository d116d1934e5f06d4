/** Products on matrix units: the numbers are those of the rounded operands, whatever the sizes, views and epilogues. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CUDA } from '../src/backends/cuda/dialect.ts';
import { CUDA_LIMITS } from '../src/backends/cuda/limits.ts';
import { emit } from '../src/backends/shared/emit.ts';
import type { Axis, ValueId } from '../src/compiler/ir/graph.ts';
import type { NarrowType, TargetLimits } from '../src/compiler/ir/kernel.ts';
import { walkExpressions, walkStatements } from '../src/compiler/ir/kernel-walk.ts';
import { lowerRegion } from '../src/compiler/lower/lower-region.ts';
import { type MatrixTile, MENU, tileName } from '../src/compiler/lower/matrix-tile.ts';
import { productKey } from '../src/compiler/lower/product-key.ts';
import type { Builder } from '../src/compiler/ops/builder.ts';
import * as m from '../src/compiler/ops/make.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { openCudaTestDevice } from './support/devices.ts';
import { matchesGolden } from './support/golden.ts';
import { axis } from './support/llama-graph.ts';
import { withNarrowInputs } from './support/narrow-inputs.ts';
import { batch, graphOf, hidden, input, type Make, PRODUCT_CASES, time, width } from './support/product-cases.ts';
import { compareHere, type Lower, prepareGraph } from './support/run-fused.ts';
import { runPrepared } from './support/run-prepared.ts';

/** With few multiprocessors large tiles pay sooner. */
const FEW: TargetLimits = { ...CUDA_LIMITS, matrixUnits: 1 };
const MANY: TargetLimits = { ...CUDA_LIMITS, matrixUnits: 10_000 };

/** As much workgroup memory as large GPUs have, and so as many turns as there are. */
const LARGE: TargetLimits = { ...FEW, sharedBytes: 227 * 1024 };

const CASES = [
  ['bf16', LARGE],
  ['f16', MANY],
] as const;

function gated(b: Builder): Readonly<Record<string, ValueId>> {
  const x = input(b, 'x', [batch, time, width]);
  const gate = m.contract(b, x, input(b, 'w_gate', [width, hidden]), [width.id], { name: 'gate' });
  const up = m.contract(b, x, input(b, 'w_up', [width, hidden]), [width.id], { name: 'up' });
  const one = m.scalar(b, 1);
  const swish = m.binary(b, 'div', gate, m.add(b, one, m.unary(b, 'exp', m.unary(b, 'neg', gate))));
  return { hidden: m.add(b, m.mul(b, swish, up), input(b, 'residual', [batch, time, hidden])) };
}

test('a product reads well', () => {
  const { kernels } = prepareGraph(graphOf(gated), CUDA_LIMITS, lowerRegion, true, 'bf16');
  assert.is(kernels.length, 1);
  for (const kernel of kernels) matchesGolden('cuda/product-bf16.cu', emit(kernel, CUDA).text);
});

test('a product whose operands are copied reads well', () => {
  const { kernels } = prepareGraph(graphOf(gated), CUDA_LIMITS, lowerRegion, true, 'bf16', withNarrowInputs);
  for (const kernel of kernels) matchesGolden('cuda/product-copied.cu', emit(kernel, CUDA).text);
});

/** Elements of each copy of the kernels of one product, which sums over `k`. */
function copiesOf(make: Make, limits = CUDA_LIMITS): readonly number[] {
  const { kernels } = prepareGraph(graphOf(make), limits, lowerRegion, true, 'bf16', withNarrowInputs);
  return kernels.flatMap(({ body }) => {
    const sizes: number[] = [];
    walkStatements(body, (s) => {
      if (s.kind === 'copy_shared') sizes.push(s.elements);
    });
    return sizes;
  });
}

test('what is contiguous along its fastest axis is copied in pieces that divide it, the rest goes over registers', () => {
  const of = (size: number, swap = false): readonly number[] => {
    const [r, c, k] = [axis('r', 64), axis('c', size), axis('k', 48)];
    return copiesOf((b) => ({
      y: m.contract(b, input(b, 'x', [r, k]), input(b, 'w', swap ? [c, k] : [k, c]), [k.id]),
    }));
  };
  assert.equal(of(64), [8, 8]);
  assert.equal(of(68), [8, 4]);
  assert.equal(of(66), [8, 2]);
  assert.equal(of(65), [8]);
  assert.equal(of(65, true), [8, 8]);
  const [r, c, k] = [axis('r', 64), axis('c', 64), axis('k', 48)];
  const make: Make = (b) => ({ y: m.contract(b, input(b, 'x', [r, k]), input(b, 'w', [k, c]), [k.id]) });
  assert.equal(copiesOf(make, { ...CUDA_LIMITS, copyBytes: 0 }), []);
  assert.equal(copiesOf(make, { ...CUDA_LIMITS, copyBytes: 4 }), [2, 2]);
});

test('there are more turns where workgroup memory allows, for copies alone, and a launch asks for what cannot be declared', () => {
  const [r, c, k] = [axis('r', 512), axis('c', 512), axis('k', 512)];
  const graph = graphOf((b) => ({ y: m.contract(b, input(b, 'x', [r, k]), input(b, 'w', [k, c]), [k.id]) }));
  const turnsOf = (limits: TargetLimits, prepare?: typeof withNarrowInputs): readonly (number | undefined)[] => {
    const [kernel] = prepareGraph(graph, { ...limits, matrixUnits: 4 }, lowerRegion, true, 'bf16', prepare).kernels;
    const { text, sharedBytes } = emit(present(kernel, 'a kernel'), CUDA);
    assert.is(text.includes('extern __shared__'), sharedBytes !== undefined);
    return [Number(/(\w+) steps? before/.exec(text)?.[1]?.replace('one', '1')), sharedBytes];
  };
  // A turn of 128 by 128 takes 128 lines of 80 bytes and 32 of 272.
  assert.equal(turnsOf(CUDA_LIMITS, withNarrowInputs), [1, undefined]);
  assert.equal(turnsOf({ ...CUDA_LIMITS, sharedBytes: 163 * 1024 }, withNarrowInputs), [3, 4 * (128 * 80 + 32 * 272)]);
  assert.equal(turnsOf(LARGE), [1, undefined]);
});

test('neighbours of the result are stored in fours, with all that is loaded beside them, where rows have whole fours', () => {
  const of = (
    columns: number,
    turned: boolean,
  ): { readonly stores: readonly string[]; readonly loads: readonly string[] } => {
    const [r, c, k] = [axis('r', 64), axis('c', columns), axis('k', 48)];
    const { kernels } = prepareGraph(
      graphOf((b) => {
        const y = m.contract(b, input(b, 'x', [r, k]), input(b, 'w', [k, c]), [k.id]);
        const sum = m.add(b, y, input(b, 'residual', [r, c]));
        return { y: turned ? m.permute(b, sum, [c, r]) : sum };
      }),
      CUDA_LIMITS,
      lowerRegion,
      true,
      'bf16',
      withNarrowInputs,
    );
    const [kernel] = kernels;
    const stores: string[] = [];
    const loads: string[] = [];
    walkStatements(present(kernel, 'a kernel').body, (s) => void (s.kind === 'store' && stores.push(s.value.type)));
    walkExpressions(present(kernel, 'a kernel'), (e) => {
      if (e.kind === 'load_shared' || (e.kind === 'load' && e.buffer === 'residual')) loads.push(e.type);
    });
    return { stores, loads };
  };
  assert.equal(of(64, false), { stores: ['vec4'], loads: ['vec4', 'vec4'] });
  assert.equal(of(62, false), { stores: ['f32'], loads: ['f32', 'f32'] });
  assert.equal(of(64, true), { stores: ['f32'], loads: ['f32', 'f32'] });
});

test('parts with the longest sums come first', () => {
  const graph = graphOf((b) => {
    const dy = input(b, 'dy', [batch, time, hidden]);
    return {
      dx: m.contract(b, dy, input(b, 'w', [width, hidden]), [hidden.id], { name: 'dx' }),
      dw: m.contract(b, input(b, 'x', [batch, time, width]), dy, [batch.id, time.id], { name: 'dw' }),
    };
  });
  const { kernels } = prepareGraph(graph, CUDA_LIMITS, lowerRegion, true, 'bf16');
  assert.is(kernels.length, 1);
  assert.match(kernels[0]?.doc.at(-1) ?? '', /One tile per workgroup: dw, .*; dx, /);
});

const device = await openCudaTestDevice();

interface CheckOptions {
  readonly lower?: Lower;
  /** What is done with the graph before it is fused. */
  readonly prepares?: readonly (typeof withNarrowInputs | undefined)[];
}

/**
 * Inputs are of a narrow type, so that only the sums differ from those of the reference; they are in f32. They lie in memory as f32, or as
 * they are multiplied, so that they can be copied.
 */
async function check(
  make: Make,
  cases: readonly (readonly [NarrowType, TargetLimits])[] = CASES,
  { lower = lowerRegion, prepares = [undefined, withNarrowInputs] }: CheckOptions = {},
): Promise<void> {
  const graph = graphOf(make);
  for (const [type, limits] of cases)
    for (const prepare of prepares) {
      const prepared = prepareGraph(graph, limits, lower, true, type, prepare);
      const products = prepared.kernels.filter((k) => k.shared.some((a) => a.type === type));
      assert.ok(products.length > 0, `nothing multiplies in ${type}`);
      for (const { output, relative } of await runPrepared(device, prepared))
        assert.ok(relative < 1e-6, `${output} is off by ${relative} in ${type}${prepare ? ', of narrow inputs' : ''}`);
    }
}

test('products of ragged sizes, whichever operand comes first', async () => {
  for (const [rows, columns, summed] of [
    [1, 1, 8],
    [1, 61, 48],
    [61, 1, 40],
    [7, 33, 9],
    [70, 130, 17],
    [129, 72, 100],
    [48, 136, 96],
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

/** Computes products by a tile of the menu, however long that takes. */
const inTile =
  (tile: MatrixTile): Lower =>
  (context, region) => {
    if (region.kind !== 'product') return lowerRegion(context, region);
    const tiles = new Map([[productKey(context, region), tileName(tile)]]);
    const kernel = lowerRegion({ ...context, tiles }, region);
    assert.is(kernel.tiling?.tile, tileName(tile));
    return kernel;
  };

test('every tile of the menu', async () => {
  const k = axis('k', 40);
  for (const tile of MENU) {
    const [r, c] = [axis('r', tile.rows + 3), axis('c', tile.columns + 8)];
    const make: Make = (b) => ({ y: m.contract(b, input(b, 'x', [r, k]), input(b, 'w', [k, c]), [k.id]) });
    await check(make, [['bf16', LARGE]], { lower: inTile(tile), prepares: [withNarrowInputs] });
  }
});

test('several sums of a large tile', async () => {
  const [r, c, k] = [axis('r', 130), axis('c', 72), axis('k', 40)];
  const make: Make = (b) => {
    const x = input(b, 'x', [r, k]);
    const [a, g] = ['a', 'g'].map((name) => m.contract(b, x, input(b, name, [k, c]), [k.id]));
    return { y: m.mul(b, a ?? x, g ?? x) };
  };
  const of = (rowTeams: number, columnTeams: number): Lower =>
    inTile({ rows: 128, columns: 64, rowTeams, columnTeams });
  await check(make, [['bf16', LARGE]], { lower: of(2, 2), prepares: [withNarrowInputs] });
  await check(make, [['bf16', LARGE]], { lower: of(2, 4) });
});

test('an epilogue combines the accumulators of a part', () => check(gated));

for (const [name, make] of Object.entries(PRODUCT_CASES)) test(name, () => check(make));

test('short sums, f32, and devices without matrix units multiply in f32', () => {
  const seven = axis('seven', 7);
  const make =
    (k: Axis): Make =>
    (b) => ({
      y: m.contract(b, input(b, 'x', [time, k]), input(b, 'w', [k, hidden]), [k.id]),
    });
  const narrowOf = (k: Axis, limits: TargetLimits, precision: 'f32' | 'bf16'): boolean =>
    prepareGraph(graphOf(make(k)), limits, lowerRegion, true, precision).kernels.some(({ shared }) =>
      shared.some(({ type }) => type === 'bf16'),
    );
  assert.ok(narrowOf(width, MANY, 'bf16'));
  assert.not.ok(narrowOf(seven, MANY, 'bf16'));
  assert.not.ok(narrowOf(width, MANY, 'f32'));
  assert.not.ok(narrowOf(width, { ...MANY, matrixUnits: 0 }, 'bf16'));
});

test('the interpreter of Kernel IR finds no access out of bounds', () => {
  const [r, c, k] = [axis('r', 33), axis('c', 21), axis('k', 50)];
  const graph = graphOf((b) => ({
    plain: m.contract(b, input(b, 'x', [r, k]), input(b, 'y', [k, c]), [k.id]),
    turned: m.contract(b, input(b, 'xt', [k, r]), input(b, 'yt', [c, k]), [k.id]),
  }));
  for (const prepare of [undefined, withNarrowInputs])
    for (const { output, relative } of compareHere(graph, MANY, lowerRegion, true, 'f16', prepare))
      assert.ok(relative < 1e-6, `${output} is off by ${relative}`);
});

test.after(() => device.close());
test.run();
