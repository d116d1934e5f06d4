/** Every operation of Kernel IR, as each device of this machine computes it, against JavaScript's doubles. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../src/backends/device.ts';
import type { BinaryOp, Expr, ScalarType, UnaryOp } from '../src/compiler/ir/kernel.ts';
import { add, binary, cast, f32, i32, load, mul, select, u32, unary, uniform } from '../src/compiler/ir/kernel-expr.ts';
import { erf } from '../src/compiler/support/erf.ts';
import { randomUniform } from '../src/compiler/support/random.ts';
import { openTestDevices } from './support/devices.ts';
import { eachElement, element, runOnce, SCALARS, store } from './support/tiny-plan.ts';

const devices = await openTestDevices();

type Numbers = Float32Array<ArrayBuffer>;

/** The f32 values of an expression of `x` and `y`, elements of the inputs. */
async function computeOn(
  device: Device,
  value: Expr,
  xs: Numbers,
  ys: Numbers = xs,
  type: 'f32' | 'i32' = 'f32',
): Promise<Numbers> {
  const streams = [
    { name: 'xs', type, access: 'read' as const },
    { name: 'ys', type, access: 'read' as const },
    { name: 'out', type: 'f32' as const, access: 'read_write' as const },
  ];
  const kernel = eachElement('compute', xs.length, streams, [store('out', cast('f32', value))]);
  const inputs = type === 'f32' ? [xs, ys] : [Int32Array.from(xs), Int32Array.from(ys)];
  return new Float32Array(await runOnce(device, kernel, inputs));
}

const x = load('xs', 'f32', element);
const y = load('ys', 'f32', element);
const linear = (low: number, high: number, count = 20_000): Numbers =>
  Float32Array.from({ length: count }, (_, i) => low + ((high - low) * i) / (count - 1));
const logarithmic = (low: number, high: number): Numbers => linear(Math.log(low), Math.log(high)).map(Math.exp);

interface Bound {
  readonly op: UnaryOp;
  readonly exact: (x: number) => number;
  readonly over: Numbers;
  /** Largest error relative to the result, and largest absolute one; either suffices. */
  readonly relative: number;
  readonly absolute: number;
}

// What WGSL grants its own functions is more; these are what training needs, and hold on the drivers tried.
const bounds: readonly Bound[] = [
  { op: 'exp', exact: Math.exp, over: linear(-80, 80), relative: 1e-5, absolute: 1e-37 },
  { op: 'exp', exact: Math.exp, over: linear(-4, 4), relative: 1e-6, absolute: 0 },
  { op: 'log', exact: Math.log, over: logarithmic(1e-30, 1e30), relative: 1e-6, absolute: 2e-7 },
  { op: 'sin', exact: Math.sin, over: linear(-20_000, 20_000), relative: 0, absolute: 3e-7 },
  { op: 'sin', exact: Math.sin, over: logarithmic(1e-10, 1), relative: 3e-7, absolute: 0 },
  { op: 'cos', exact: Math.cos, over: linear(-20_000, 20_000), relative: 0, absolute: 3e-7 },
  { op: 'cos', exact: Math.cos, over: linear(-4, 4), relative: 0, absolute: 3e-7 },
  { op: 'sqrt', exact: Math.sqrt, over: logarithmic(1e-30, 1e30), relative: 3e-7, absolute: 0 },
  { op: 'rsqrt', exact: (v) => 1 / Math.sqrt(v), over: logarithmic(1e-30, 1e30), relative: 5e-7, absolute: 0 },
  { op: 'tanh', exact: Math.tanh, over: linear(-12, 12), relative: 4e-7, absolute: 0 },
  { op: 'tanh', exact: Math.tanh, over: logarithmic(1e-10, 1), relative: 4e-7, absolute: 0 },
  { op: 'tanh', exact: Math.tanh, over: linear(-1e30, 1e30), relative: 4e-7, absolute: 0 },
  { op: 'erf', exact: erf, over: linear(-6, 6), relative: 4e-7, absolute: 0 },
  { op: 'erf', exact: erf, over: logarithmic(1e-10, 1), relative: 4e-7, absolute: 0 },
  { op: 'erf', exact: erf, over: linear(-1e30, 1e30), relative: 4e-7, absolute: 0 },
  { op: 'acos', exact: Math.acos, over: linear(-1, 1), relative: 5e-7, absolute: 0 },
  { op: 'floor', exact: Math.floor, over: linear(-50, 50), relative: 0, absolute: 0 },
  { op: 'abs', exact: Math.abs, over: linear(-50, 50), relative: 0, absolute: 0 },
  { op: 'neg', exact: (v) => -v, over: linear(-50, 50), relative: 0, absolute: 0 },
];

for (const { name, device } of devices) {
  const compute = (value: Expr, xs: Numbers, ys: Numbers = xs, type: 'f32' | 'i32' = 'f32'): Promise<Numbers> =>
    computeOn(device, value, xs, ys, type);

  for (const { op, exact, over, relative, absolute } of bounds) {
    test(`${name}: ${op} from ${over[0]} to ${over[over.length - 1]}`, async () => {
      const got = await compute(unary(op, x), over);
      over.forEach((v, i) => {
        const want = exact(v);
        const error = Math.abs((got[i] ?? Number.NaN) - want);
        assert.ok(error <= Math.max(relative * Math.abs(want), absolute), `${op}(${v}) is ${want}, not ${got[i]}`);
      });
    });
  }

  test(`${name}: functions of vectors are those of their components`, async () => {
    const four: Expr = { kind: 'vector', type: 'vec4', parts: [f32(0.25), x, mul(x, f32(-2)), f32(1)] };
    const component = (vector: Expr): Expr => ({ kind: 'component', type: 'f32', vector, index: 2 });
    const over = linear(-0.5, 0.5, 100);
    for (const op of ['tanh', 'erf', 'acos', 'exp', 'abs', 'neg'] as const) {
      const [whole, single] = [component(unary(op, four)), unary(op, mul(x, f32(-2)))];
      assert.equal(await compute(whole, over), await compute(single, over), op);
    }
    for (const op of ['pow', 'mod', 'max', 'min', 'add', 'div'] as const) {
      const [whole, single] = [component(binary(op, four, f32(3))), binary(op, mul(x, f32(-2)), f32(3))];
      assert.equal(await compute(whole, over), await compute(single, over), op);
    }
  });

  test(`${name}: pow is that of the reals, also below zero`, async () => {
    for (const power of [0, 1, 2, 3, -1, -2, 0.5, 2.5, -0.25, 7]) {
      const over = linear(-30, 30, 601).map((v) => (Math.abs(v) < 1e-3 ? 0 : v));
      const got = await compute(
        binary('pow', x, y),
        over,
        over.map(() => power),
      );
      over.forEach((v, i) => {
        const want = v ** power;
        const value = got[i] ?? 0;
        const right = Number.isFinite(want) ? Math.abs(value - want) <= 5e-6 * Math.abs(want) : Object.is(value, want);
        assert.ok(right, `${v} to the power ${power} is ${want}, not ${value}`);
      });
    }
  });

  test(`${name}: mod has the sign of the divisor, for floats and ints`, async () => {
    const over = linear(-30, 30, 61);
    const floored = (a: number, b: number): number => a - b * Math.floor(a / b);
    for (const divisor of [3, -3, 7, 1, -1]) {
      const want = [...over].map((v) => floored(v, divisor) + 0);
      const divisors = over.map(() => divisor);
      assert.equal(
        [...(await compute(binary('mod', x, y), over, divisors))].map((v) => v + 0),
        want,
      );
      const [a, b] = [load('xs', 'i32', element), load('ys', 'i32', element)];
      assert.equal([...(await compute(binary('mod', a, b), over, divisors, 'i32'))], want);
    }
    const fractions = await compute(binary('mod', x, f32(0.75)), over);
    assert.equal(
      [...fractions],
      [...over].map((v) => floored(v, 0.75)),
    );
  });

  test(`${name}: what is not finite is seen, and survives every function`, async () => {
    const odd = Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 3e38, -1e-40, 1);
    assert.equal([...(await compute(unary('is_nonfinite', x), odd))], [1, 1, 1, 0, 0, 0, 0]);
    for (const op of ['tanh', 'erf', 'acos', 'exp', 'log', 'sqrt', 'abs'] as const) {
      const [got] = await compute(unary('is_nonfinite', unary(op, x)), odd);
      assert.is(got, 1, `${op} of NaN`);
    }
  });

  test(`${name}: constants whose result is not finite are computed, not refused`, async () => {
    const zero = f32(0);
    const constants: readonly (readonly [Expr, number])[] = [
      [unary('exp', f32(1000)), 1],
      [unary('log', zero), 1],
      [unary('sqrt', f32(-1)), 1],
      [binary('div', f32(1), zero), 1],
      [binary('mul', f32(3e38), f32(10)), 1],
      [binary('pow', zero, f32(-1)), 1],
      [binary('add', f32(3.4028234663852886e38), f32(1)), 0],
    ];
    for (const [value, bad] of constants)
      assert.is((await compute(unary('is_nonfinite', value), Float32Array.of(1)))[0], bad, JSON.stringify(value));
  });

  test(`${name}: literals are the nearest f32`, async () => {
    const values = [
      0.1,
      1e-8,
      3.4028234663852886e38,
      1.17549435e-38,
      1 / 3,
      16777217,
      123456.789,
      2 ** -20,
      1e21,
      -2.5e-7,
    ];
    for (const value of values)
      assert.is((await compute(f32(value), Float32Array.of(1)))[0], Math.fround(value), `${value}`);
    for (const value of [-(2 ** 31), -1, 2 ** 31 - 1]) {
      const low = binary('eq', load('xs', 'i32', element), i32(value));
      assert.is(
        (await compute(low, Float32Array.of(value === 2 ** 31 - 1 ? 0 : value), undefined, 'i32'))[0],
        value === 2 ** 31 - 1 ? 0 : 1,
      );
    }
  });

  test(`${name}: four elements at once are those of the buffer, also beside single ones`, async () => {
    const over = linear(-3, 3, 64);
    const four: Expr = { kind: 'load', type: 'vec4', buffer: 'xs', index: binary('div', element, u32(4)) };
    const part = (index: 0 | 1 | 2 | 3): Expr => ({ kind: 'component', type: 'f32', vector: four, index });
    const sum = add(add(part(0), mul(f32(10), part(1))), add(mul(f32(100), part(2)), mul(f32(1000), part(3))));
    const got = await compute(add(sum, x), over);
    got.forEach((value, i) => {
      const [a = 0, b = 0, c = 0, d = 0] = over.subarray(i - (i % 4), i - (i % 4) + 4);
      const want = a + 10 * b + 100 * c + 1000 * d + (over[i] ?? 0);
      assert.ok(Math.abs(value - want) <= 1e-6 * 3000, `${i}: ${want}, not ${value}`);
    });
  });

  test(`${name}: casts go between all types`, async () => {
    const over = Float32Array.of(-2.75, -0.5, 0, 0.5, 1, 2.75, 100);
    const truncated = [...over].map((v) => Math.trunc(v) + 0);
    assert.equal(
      [...(await compute(cast('i32', x), over))].map((v) => v + 0),
      truncated,
    );
    const through = (type: ScalarType): Expr => cast('f32', cast(type, x));
    assert.equal([...(await compute(through('bool'), over))], [1, 1, 0, 1, 1, 1, 1]);
    assert.equal([...(await compute(cast('f32', cast('u32', cast('bool', x))), over))], [1, 1, 0, 1, 1, 1, 1]);
  });

  test(`${name}: comparisons and choices`, async () => {
    const over = linear(-2, 2, 9);
    const comparisons: readonly (readonly [BinaryOp, (a: number) => boolean])[] = [
      ['eq', (a) => a === 1],
      ['ne', (a) => a !== 1],
      ['lt', (a) => a < 1],
      ['le', (a) => a <= 1],
      ['gt', (a) => a > 1],
      ['ge', (a) => a >= 1],
    ];
    for (const [op, f] of comparisons) {
      const got = await compute(select(binary(op, x, f32(1)), f32(5), f32(7)), over);
      assert.equal(
        [...got],
        [...over].map((v) => (f(v) ? 5 : 7)),
        op,
      );
    }
  });

  test(`${name}: draws are those of the reference, bit for bit`, async () => {
    const count = 5000;
    const runtime = (name: 'seed' | 'step' | 'micro') =>
      ({ name, type: 'u32', source: { kind: 'runtime', name } }) as const;
    const key = 0xdeadbeef;
    const counters = [...(['seed', 'step', 'micro'] as const).map((n) => uniform(n, 'u32')), u32(3), element];
    const kernel = eachElement(
      'draw',
      count,
      [{ name: 'out', type: 'f32', access: 'read_write' }],
      [store('out', { kind: 'random', type: 'f32', key, counters })],
      [runtime('seed'), runtime('step'), runtime('micro')],
    );
    const scalars = { ...SCALARS, seed: 4294967295, step: 12, micro: 2 };
    const got = new Float32Array(await runOnce(device, kernel, [], scalars));
    got.forEach((v, i) => {
      assert.is(v, randomUniform(key, [4294967295, 12, 2, 3, i]));
    });
  });

  test.after(() => device.close());
}
test.run();
