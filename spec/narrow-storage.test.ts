/** Elements of two bytes: that loads and stores of each device are exact for all of them, and how their kernels read. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CUDA_LIMITS } from '../src/backends/cuda/limits.ts';
import { compileTarget } from '../src/backends/targets.ts';
import { DEFAULT_LIMITS } from '../src/backends/wgsl/default-limits.ts';
import type { Expr, Kernel, NarrowType } from '../src/compiler/ir/kernel.ts';
import { binary, component, div, load, mod, select, u32, unary } from '../src/compiler/ir/kernel-expr.ts';
import { verifyKernel } from '../src/compiler/ir/verify-kernel.ts';
import { legalise } from '../src/compiler/lower/legalise.ts';
import { openTestDevices } from './support/devices.ts';
import { bitsOf, dithered, NARROW_TYPES, nearest, VALUE_OF } from './support/narrow.ts';
import { runKernel } from './support/run-kernel.ts';
import { eachElement, element, runOnce, store } from './support/tiny-plan.ts';

const devices = await openTestDevices();
const PATTERNS = 65_536;

/** out = xs, and in between elements of `type` lie in memory. */
function through(from: NarrowType | 'f32', to: NarrowType | 'f32', count: number): Kernel {
  const streams = [
    { name: 'xs', type: from, access: 'read' as const },
    { name: 'out', type: to, access: 'read_write' as const },
  ];
  return eachElement('through', count, streams, [store('out', load('xs', 'f32', element))]);
}

/** Every number of a type, the points half way between neighbours, and the floats beside those. */
function awkward(type: NarrowType): Float32Array<ArrayBuffer> {
  const values: number[] = [];
  for (let bits = 0; bits < PATTERNS; bits++) {
    const value = VALUE_OF[type](bits);
    const next = VALUE_OF[type](bits + 1 < PATTERNS ? bits + 1 : bits);
    // Half way to infinity lies where the next number would.
    const middle = Number.isFinite(next)
      ? (value + next) / 2
      : value * (1 + 2 ** (type === 'f16' ? -11 : -8) / (2 - 2 ** -7));
    values.push(value, middle, ...neighbours(middle));
  }
  return Float32Array.from(values);
}

/** The floats next to a float. */
function neighbours(x: number): readonly number[] {
  const words = new Uint32Array(Float32Array.of(x).buffer);
  const floats = new Float32Array(words.buffer);
  const word = words[0] ?? 0;
  return [-1, 1].map((by) => {
    words[0] = word + by;
    return floats[0] ?? 0;
  });
}

/** What the interpreter finds in `out` when `values` are in `xs`, both of them perhaps in windows. */
function interpreted(kernel: Kernel, values: Float64Array): Float64Array {
  const memory = Object.fromEntries(
    kernel.buffers.map(({ name, access, elements, window }) => {
      const start = window?.start ?? 0;
      return [name, access === 'read' ? values.slice(start, start + elements) : new Float64Array(elements)];
    }),
  );
  runKernel(kernel, memory);
  const written = kernel.buffers.filter((b) => b.access === 'read_write');
  return Float64Array.from(written.flatMap((b) => [...(memory[b.name] ?? [])]));
}

const shown = (x: number): string => `${x} (${x.toString(2)})`;

for (const { name, device } of devices) {
  const run = (kernel: Kernel, ...inputs: readonly ArrayBufferView[]): Promise<ArrayBuffer> => {
    const fitted = legalise(kernel, device.limits);
    verifyKernel(fitted);
    return runOnce(device, fitted, inputs);
  };

  for (const type of ['f32', ...NARROW_TYPES] as const) {
    test(`${name}: what is stored as ${type} in fours is what is stored one by one`, async () => {
      const values = awkward(type === 'f32' ? 'bf16' : type).slice(0, 1 << 16);
      const single = through('f32', type, values.length);
      const four: Expr = { kind: 'load', type: 'vec4', buffer: 'xs', index: element };
      const { body } = eachElement('', values.length / 4, [], [store('out', four)]);
      const bits = async (kernel: Kernel): Promise<Buffer> => Buffer.from(await run(kernel, values));
      assert.ok((await bits({ ...single, body })).equals(await bits(single)));
      const inWindows = legalise({ ...single, body }, { ...device.limits, bindingBytes: 1 << 16, storageBindings: 64 });
      assert.ok(inWindows.buffers.length > 2);
      const finite = Float64Array.from(values, (x) => (Number.isFinite(x) ? x : 0));
      assert.equal(interpreted(inWindows, finite), interpreted(legalise(single, device.limits), finite));
    });
  }

  for (const type of NARROW_TYPES) {
    const holds = device.limits.narrow.includes(type);

    test(`${name}: what is stored as ${type} is the nearest, of two the even one`, async () => {
      const values = awkward(type);
      const found = await run(through('f32', type, values.length), values);
      const elements = holds ? new Uint16Array(found) : new Float32Array(found);
      values.forEach((x, i) => {
        const [got, want] = [elements[i] ?? Number.NaN, nearest(type, x)];
        const value = holds ? VALUE_OF[type](got) : got;
        if (!Object.is(value, want)) assert.unreachable(`${shown(x)} is ${want} as ${type}, not ${value}`);
        if (holds && !Number.isNaN(x)) assert.is(got, bitsOf(type, x));
      });
    });

    test(`${name}: rounding to ${type} leaves what storing leaves`, async () => {
      const values = awkward(type).filter((_, i) => i % 7 === 0);
      const round = unary(`round_${type}`, load('xs', 'f32', element));
      const kernel = { ...through('f32', 'f32', values.length) };
      const body = eachElement('round', values.length, [], [store('out', round)]).body;
      const got = new Float32Array(await run({ ...kernel, body }, values));
      assert.equal(
        [...got],
        [...values].map((x) => nearest(type, x)),
      );
    });

    test(`${name}: dithering to ${type} takes one of the two numbers around, and is right on average`, async () => {
      // Of each size some, and draws that spread over [0, 1).
      const some = awkward(type).filter(
        (x, i) => i % 61 === 0 && (Math.abs(x) >= 2 ** -32 || x === 0 || type === 'bf16'),
      );
      const xs = Float32Array.from([...some, ...Array.from({ length: 4096 }, () => 1 + 0.3 * 2 ** -7)]);
      const us = Float32Array.from(xs, (_, i) => ((i * 10_368_889) % 2 ** 24) / 2 ** 24);
      const streams = (['xs', 'us', 'out'] as const).map((of) => ({
        name: of,
        type: 'f32' as const,
        access: of === 'out' ? ('read_write' as const) : ('read' as const),
      }));
      const value = binary(`dither_${type}`, load('xs', 'f32', element), load('us', 'f32', element));
      const kernel = eachElement('dither', xs.length, streams, [store('out', value)]);
      const found = new Float32Array(await run(kernel, xs, us));
      xs.forEach((x, i) => {
        const want = dithered(type, x, us[i] ?? 0);
        const got = found[i] ?? Number.NaN;
        assert.ok(Object.is(got + 0, want + 0), `${shown(x)} with ${us[i]} is ${want} as ${type}, not ${got}`);
      });
      const last = found.slice(-4096);
      const mean = last.reduce((sum, x) => sum + x, 0) / last.length;
      assert.ok(Math.abs((mean - 1) / (0.3 * 2 ** -7) - 1) < 0.02, `${mean} on average`);
    });

    if (!holds) continue;

    test(`${name}: all ${type} are loaded as they are, one by one and in fours`, async () => {
      const bits = Uint16Array.from({ length: PATTERNS }, (_, i) => i);
      const want = Array.from(bits, VALUE_OF[type]);
      const single = new Float32Array(await run(through(type, 'f32', PATTERNS), bits));
      assert.equal([...single], want);
      const four: Expr = { kind: 'load', type: 'vec4', buffer: 'xs', index: div(element, u32(4)) };
      const part = ([0, 1, 2] as const).reduceRight<Expr>(
        (rest, c) => select(binary('eq', mod(element, u32(4)), u32(c)), component(four, c), rest),
        component(four, 3),
      );
      const kernel = {
        ...through(type, 'f32', PATTERNS),
        body: eachElement('', PATTERNS, [], [store('out', part)]).body,
      };
      assert.equal([...new Float32Array(await run(kernel, bits))], want);
      // One buffer read both ways.
      const both = eachElement('', PATTERNS, [], [store('out', binary('add', part, load('xs', 'f32', element)))]).body;
      const twice = new Float32Array(await run({ ...kernel, body: both }, bits.slice(0x3c00, 0x3d00)));
      assert.equal(
        [...twice.slice(0, 256)],
        want.slice(0x3c00, 0x3d00).map((x) => 2 * x),
      );
    });
  }

  test(`${name}: a buffer of two bytes in windows`, async () => {
    const limits = { ...device.limits, bindingBytes: 512, storageBindings: 64 };
    const values = Float32Array.from({ length: 1003 }, (_, i) => Math.sin(i));
    for (const type of NARROW_TYPES) {
      const kernel = legalise(through(type, 'f32', values.length), limits);
      verifyKernel(kernel);
      const each = device.limits.narrow.includes(type) ? 2 : 4;
      for (const { elements, window } of kernel.buffers.filter((b) => b.window && b.name.startsWith('xs'))) {
        assert.ok(elements * each <= 512 && ((window?.start ?? 0) * each) % 256 === 0);
      }
      assert.equal([...interpreted(kernel, Float64Array.from(values))], [...values]);
    }
  });
}

test('kernels say how they round', () => {
  const kernel = through('bf16', 'f16', 64);
  const cuda = compileTarget('cuda').emit(legalise(kernel, CUDA_LIMITS)).text;
  assert.match(cuda, /out\[i\] = to_f16\(from_bf16\(xs\[i\]\)\);/);
  const wgsl = compileTarget('wgsl').emit(legalise(kernel, { ...DEFAULT_LIMITS, narrow: ['f16'] })).text;
  assert.match(wgsl, /enable f16;/);
  assert.match(wgsl, /out\[i\] = to_f16\(xs\[i\]\);/);
  const plain = compileTarget('wgsl').emit(legalise(kernel, DEFAULT_LIMITS)).text;
  assert.not.match(plain, /enable/);
  assert.match(plain, /out\[i\] = round_f16\(xs\[i\]\);/);
});

test.after(() => {
  for (const { device } of devices) device.close();
});

test.run();
