import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Init } from '../src/compiler/ir/graph.ts';
import type { ScalarExpr } from '../src/compiler/ir/train.ts';
import { erf } from '../src/compiler/support/erf.ts';
import { initialValues } from '../src/runtime/init.ts';
import { matchWeights, sameOrder } from '../src/runtime/match-weights.ts';
import { permutation } from '../src/runtime/permutation.ts';
import { philox } from '../src/runtime/philox.ts';
import { evaluateSchedule } from '../src/runtime/schedule.ts';
import { floatTensor } from '../src/runtime/tensor-values.ts';

const draws = (name: string, init: Init, shape: readonly number[], seed = 1) =>
  initialValues({ name, init, shape }, seed);

test('Philox gives the published values', () => {
  assert.equal(philox([0, 0, 0, 0], 0, 0), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
  const f = 0xffffffff;
  assert.equal(philox([f, f, f, f], f, f), [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]);
  assert.equal(
    philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], 0xa4093822, 0x299f31d0),
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  );
});

test('draws depend on the seed and the name only, and longer weights extend shorter ones', () => {
  const init: Init = { kind: 'normal', std: 0.02 };
  const a = draws('a', init, [3, 5]);
  assert.equal(a, draws('a', init, [5, 3]));
  assert.equal([...draws('a', init, [7]).subarray(0, 6)], [...a.subarray(0, 6)]);
  assert.not.equal(a, draws('b', init, [3, 5]));
  assert.not.equal(a, draws('a', init, [3, 5], 2));
});

test('normal and uniform draws have their moments', () => {
  const normal = draws('n', { kind: 'normal', std: 2 }, [100, 401]);
  const mean = normal.reduce((s, x) => s + x, 0) / normal.length;
  const variance = normal.reduce((s, x) => s + x * x, 0) / normal.length;
  assert.ok(Math.abs(mean) < 0.04, `${mean}`);
  assert.ok(Math.abs(variance - 4) < 0.12, `${variance}`);
  const uniform = draws('u', { kind: 'uniform', low: -1, high: 3 }, [10_000]);
  assert.ok(uniform.every((x) => x >= -1 && x < 3));
  assert.ok(Math.abs(uniform.reduce((s, x) => s + x, 0) / 10_000 - 1) < 0.05);
});

test('constant, eye and onehot', () => {
  assert.equal([...draws('c', { kind: 'constant', value: 0.5 }, [])], [0.5]);
  assert.equal([...draws('e', { kind: 'eye', scale: 2 }, [2, 3])], [2, 0, 0, 0, 2, 0]);
  assert.equal([...draws('o', { kind: 'onehot', index: 1, scale: 3 }, [3])], [0, 3, 0]);
});

test('a schedule is evaluated in float64', () => {
  const n = (value: number): ScalarExpr => ({ kind: 'number', value });
  const apply = (
    fn: 'min' | 'div' | 'mul' | 'where' | 'lt' | 'neg' | 'mod' | 'erf',
    ...args: ScalarExpr[]
  ): ScalarExpr => ({
    kind: 'apply',
    fn,
    args,
  });
  const step: ScalarExpr = { kind: 'step' };
  const warmup = apply('mul', n(1e-3), apply('min', n(1), apply('div', step, n(10))));
  assert.is(evaluateSchedule(warmup, 3), 1e-3 * 0.3);
  assert.is(evaluateSchedule(apply('where', apply('lt', step, n(5)), n(1), n(2)), 5), 2);
  assert.is(evaluateSchedule(apply('mod', apply('neg', step), n(3)), 1), 2);
  assert.is(evaluateSchedule(apply('erf', n(0)), 1), 0);
});

test('erf agrees with tables', () => {
  const known = [
    [0.1, 0.1124629160182849],
    [0.5, 0.5204998778130465],
    [1, 0.8427007929497149],
    [2.4, 0.9993114861033549],
    [2.6, 0.9997639655834707],
    [4, 0.9999999845827421],
  ] as const;
  for (const [x, y] of known) {
    assert.ok(Math.abs(erf(x) - y) < 4e-16, `erf(${x}) = ${erf(x)}`);
    assert.is(erf(-x), -erf(x));
  }
  assert.is(erf(10), 1);
});

test('a permutation visits every window once, and differs between epochs and seeds', () => {
  for (const count of [1, 2, 3, 7, 64, 1000]) {
    const at = permutation(count, 5, 0);
    assert.is(new Set(Array.from({ length: count }, (_, i) => at(i))).size, count);
  }
  const list = (seed: number, epoch: number) => Array.from({ length: 100 }, (_, i) => permutation(100, seed, epoch)(i));
  assert.not.equal(list(1, 0), list(1, 1));
  assert.not.equal(list(1, 0), list(2, 0));
  assert.not.equal(
    list(1, 0),
    list(1, 0).sort((a, b) => a - b),
  );
});

test('merged and split axes lie in one order, exchanged ones do not', () => {
  assert.ok(sameOrder([4, 3, 8], [12, 8]));
  assert.ok(sameOrder([12, 8], [4, 3, 8]));
  assert.ok(sameOrder([6, 2, 3], [2, 3, 6]));
  assert.ok(sameOrder([], [1, 1]));
  assert.not(sameOrder([3, 8], [8, 3]));
  assert.not(sameOrder([2, 3], [5]));
  assert.not(sameOrder([2], []));
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 }), fc.nat(4), (shape, at) => {
      const k = Math.min(at, shape.length - 1);
      const merged = [...shape.slice(0, k), shape.slice(k).reduce((a, b) => a * b, 1)];
      return sameOrder(shape, merged) && sameOrder(merged, shape);
    }),
  );
});

test('all weights that do not fit are listed', () => {
  const tensor = (shape: readonly number[]) => floatTensor(new Float32Array(shape.reduce((a, b) => a * b, 1)), shape);
  const weights = [
    { name: 'a', shape: [2, 3] },
    { name: 'b', shape: [4] },
    { name: 'c', shape: [2, 2, 3] },
  ];
  const fits = matchWeights(
    weights,
    new Map([
      ['a', tensor([6])],
      ['b', tensor([2, 2])],
      ['file.c', tensor([4, 3])],
    ]),
    new Map([['c', 'file.c']]),
  );
  assert.equal(fits.problems, []);
  assert.equal(fits.tensors.get('c')?.shape, [4, 3]);
  const bad = matchWeights(
    weights,
    new Map([
      ['a', tensor([3, 2])],
      ['z', tensor([1])],
    ]),
    new Map([['q', 'x']]),
  );
  assert.equal(bad.problems, [
    "the map names 'q' (for 'x'), which the model does not have",
    "'a' is [3, 2], and the model has [2, 3]",
    "'b' [4] is missing",
    "'c' [2, 2, 3] is missing",
    "'z' [1] is not in the model",
  ]);
});

test.run();
