/** Tiles of products: each of the menu gives the right numbers, a table chooses among them, and keys tell apart what runs unlike. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CUDA_LIMITS } from '../src/backends/cuda/limits.ts';
import type { Kernel, TargetLimits } from '../src/compiler/ir/kernel.ts';
import { NO_TILES, type TileTable, type Tiling } from '../src/compiler/ir/tiling.ts';
import { lowerRegion } from '../src/compiler/lower/lower-region.ts';
import * as m from '../src/compiler/ops/make.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { openCudaTestDevice } from './support/devices.ts';
import { axis } from './support/llama-graph.ts';
import { graphOf, input, type Make, PRODUCT_CASES } from './support/product-cases.ts';
import { randomNumbers } from './support/random-rows.ts';
import {
  compareHere,
  compareOnDevice,
  type Lower,
  limitsOf,
  openGpu,
  prepareGraph,
  subgroupSizeOf,
} from './support/run-fused.ts';
import { runPrepared } from './support/run-prepared.ts';

const withTiles =
  (tiles: TileTable): Lower =>
  (context, region) =>
    lowerRegion({ ...context, tiles }, region);

const tilingsOf = (kernels: readonly Kernel[]): readonly Tiling[] => kernels.flatMap(({ tiling }) => tiling ?? []);

/** Tables that give every product its n-th candidate, until each had all of its own. */
function everyTable(make: Make, limits: TargetLimits, precision: 'f32' | 'bf16' = 'f32'): readonly TileTable[] {
  const tilings = tilingsOf(prepareGraph(graphOf(make), limits, lowerRegion, true, precision).kernels);
  const most = Math.max(...tilings.map(({ candidates }) => candidates.length));
  return Array.from(
    { length: most },
    (_, n) => new Map(tilings.map(({ key, candidates }) => [key, candidates[n % candidates.length] ?? ''])),
  );
}

const UNROLLED: TargetLimits = { ...limitsOf('cpu', 8), unrolls: true };

/** Small, since the interpreter of kernels is slow. */
const [row, column, other, summed] = [axis('row', 19), axis('column', 24), axis('other', 37), axis('summed', 11)];

const CASES: Readonly<Record<string, Make>> = {
  'a product with an epilogue': (b) => {
    const sum = m.contract(b, input(b, 'x', [row, summed]), input(b, 'w', [summed, column]), [summed.id]);
    return { y: m.add(b, sum, input(b, 'residual', [row, column])) };
  },
  'two parts that share an operand': (b) => {
    const x = input(b, 'x', [row, summed]);
    return {
      first: m.contract(b, x, input(b, 'w', [summed, column]), [summed.id]),
      second: m.contract(b, x, input(b, 'u', [other, summed]), [summed.id]),
    };
  },
};

for (const [name, make] of Object.entries(CASES))
  test(`${name}: every tile of the menu gives the same numbers`, () => {
    for (const limits of [limitsOf('cpu'), limitsOf('cpu', 8), UNROLLED, limitsOf('gpu')])
      for (const tiles of everyTable(make, limits))
        for (const { output, relative } of compareHere(graphOf(make), limits, withTiles(tiles)))
          assert.ok(relative < 1e-6, `${output} is off by ${relative} with ${[...tiles.values()]}`);
  });

const ALL_CASES: Readonly<Record<string, Make>> = { ...PRODUCT_CASES, ...CASES };

const gpu = await openGpu();
const cuda = await openCudaTestDevice();

test('also on devices, in the language of each', async () => {
  const limits: TargetLimits = { ...limitsOf('cpu', subgroupSizeOf(gpu)), unrolls: true };
  const make = present(CASES['a product with an epilogue'], 'a case');
  for (const tiles of everyTable(make, limits))
    for (const { output, relative } of await compareOnDevice(gpu, graphOf(make), limits, withTiles(tiles)))
      assert.ok(relative < 1e-6, `${output} is off by ${relative} with ${[...tiles.values()]}`);
  for (const precision of ['f32', 'bf16'] as const)
    for (const tiles of everyTable(make, CUDA_LIMITS, precision)) {
      const prepared = prepareGraph(graphOf(make), CUDA_LIMITS, withTiles(tiles), true, precision);
      for (const { output, relative } of await runPrepared(cuda, prepared))
        assert.ok(relative < 1e-6, `${output} is off by ${relative} in ${precision} with ${[...tiles.values()]}`);
    }
});

test('a table chooses by name, and what it names wrongly counts for nothing', () => {
  const random = randomNumbers(7);
  const pick = <T>(all: readonly T[]): T => present(all[Math.floor(random() * all.length)], 'one of many');
  const limits = limitsOf('cpu', 8);
  const others = tilingsOf(
    Object.values(ALL_CASES).flatMap((make) => prepareGraph(graphOf(make), limits, lowerRegion).kernels),
  );
  const names = [...new Set(others.flatMap(({ candidates }) => candidates))];
  for (const make of Object.values(ALL_CASES))
    for (const own of [limits, limitsOf('gpu'), limitsOf('cpu')]) {
      const estimated = tilingsOf(prepareGraph(graphOf(make), own, lowerRegion).kernels);
      for (let i = 0; i < 4; i += 1) {
        const wish = (): string =>
          pick([pick(names), `${pick(names)} & ${pick(names)}`, 'no tile', '', ' & ', '8x8 of 1x8,']);
        const table = new Map(estimated.map(({ key }) => [key, wish()]));
        const found = tilingsOf(prepareGraph(graphOf(make), own, withTiles(table)).kernels);
        found.forEach((tiling, n) => {
          const { key, tile, candidates } = present(estimated[n], 'the estimate');
          assert.is(tiling.key, key);
          const wanted = table.get(key) ?? '';
          assert.is(tiling.tile, candidates.includes(wanted) ? wanted : tile);
        });
      }
    }
});

test('what is estimated to be cheapest is the first candidate, and is taken', () => {
  for (const make of Object.values(ALL_CASES))
    for (const { tile, candidates } of tilingsOf(
      prepareGraph(graphOf(make), limitsOf('cpu', 8), lowerRegion).kernels,
    )) {
      assert.is(candidates[0], tile);
      assert.is(new Set(candidates).size, candidates.length);
    }
});

const keysOf = (make: Make): readonly string[] =>
  tilingsOf(prepareGraph(graphOf(make), limitsOf('cpu', 8), lowerRegion).kernels).map(({ key }) => key);

test('a key says sizes and order, and nothing of names', () => {
  const product =
    (sizes: readonly number[], names: readonly string[], order: 'kc' | 'ck'): Make =>
    (b) => {
      const [r, c, k] = names.map((name, i) => axis(name, sizes[i] ?? 1));
      const [row, column, summed] = [present(r, 'r'), present(c, 'c'), present(k, 'k')];
      const w = input(b, names.join('_'), order === 'kc' ? [summed, column] : [column, summed]);
      return { y: m.contract(b, input(b, 'x', [row, summed]), w, [summed.id]) };
    };
  const [key] = keysOf(product([16, 24, 40], ['r', 'c', 'k'], 'kc'));
  assert.is(key, 'r1=16 c1=24 k1=40 : A[r1 k1] B[k1 c1] : A*B -> [r1 c1] : f32, 2 read');
  assert.equal(keysOf(product([16, 24, 40], ['tokens', 'units', 'width'], 'kc')), [key]);
  assert.not.equal(keysOf(product([16, 24, 40], ['r', 'c', 'k'], 'ck')), [key]);
  for (const sizes of [
    [17, 24, 40],
    [16, 25, 40],
    [16, 24, 41],
  ])
    assert.not.equal(keysOf(product(sizes, ['r', 'c', 'k'], 'kc')), [key]);
});

test('launches with unlike kernels have unlike keys', () => {
  const seen = new Map<string, string>();
  for (const [name, make] of Object.entries(ALL_CASES)) {
    const { kernels } = prepareGraph(graphOf(make), limitsOf('cpu', 8), withTiles(NO_TILES));
    for (const { tiling, workgroup, groups, flops, bytes } of kernels) {
      if (!tiling) continue;
      const facts = JSON.stringify({ workgroup, groups, flops, bytes });
      assert.is(seen.get(tiling.key) ?? facts, facts, `${name}: ${tiling.key}`);
      seen.set(tiling.key, facts);
    }
  }
});

test.run();
