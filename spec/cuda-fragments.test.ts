/**
 * Fragments of matrices and narrow shared memory, as primitives: on a device, and through nvcc.
 *
 * Which element a lane has is read in the PTX ISA by the helpers, by `fragmentPlace` and by the shim alike; where they run on the
 * processor, a mistake in all three would not show.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CUDA } from '../src/backends/cuda/dialect.ts';
import { emit } from '../src/backends/shared/emit.ts';
import { fragmentPlace, LANE_SUMS } from '../src/compiler/ir/fragment.ts';
import type { Expr, Kernel, NarrowType, Statement } from '../src/compiler/ir/kernel.ts';
import { add, builtin, div, f32, load, local, lt, mod, mul, u32, vector } from '../src/compiler/ir/kernel-expr.ts';
import { printKernel } from '../src/compiler/ir/print-kernel.ts';
import { verifyKernel } from '../src/compiler/ir/verify-kernel.ts';
import { openCudaTestDevice } from './support/devices.ts';
import { matchesGolden } from './support/golden.ts';
import { nearest } from './support/narrow.ts';
import { compileTogether, usableNvcc } from './support/nvcc.ts';
import { randomNumbers } from './support/random-rows.ts';
import { runKernel } from './support/run-kernel.ts';
import { count, define } from './support/sample-kernels.ts';
import { tellSkipped } from './support/skip.ts';
import { runOnce } from './support/tiny-plan.ts';

const TYPES = ['bf16', 'f16'] as const;
type Along = Extract<Statement, { kind: 'load_fragment' }>['along'];

const [LINES, DEPTH] = [32, 32];
const lane = builtin('local');
const shared = (array: string, index: Expr): Expr => ({ kind: 'load_shared', type: 'f32', array, index });

/** The elements of an operand, which has a row for each line, or for each place of the sum; padded by 8. */
function operand(name: string, along: Along): { readonly stride: number; readonly fill: readonly Statement[] } {
  const width = along === 'sum' ? DEPTH : LINES;
  const stride = width + 8;
  const place = local('place', 'u32');
  const at = add(mul(div(place, u32(width)), u32(stride)), mod(place, u32(width)));
  const value = load(name, 'f32', place);
  const fill: Statement = {
    kind: 'for',
    name: 'place',
    from: lane,
    to: u32(LINES * DEPTH),
    step: u32(64),
    body: [{ kind: 'store_shared', array: `${name}_tile`, index: at, value }],
  };
  return { stride, fill: [fill] };
}

/** The product of `x` and `y`, [line, place] or [place, line] each: two warps have 16 rows by 32 columns each. */
function product(type: NarrowType, ofX: Along, ofY: Along): Kernel {
  const [x, y] = [operand('x', ofX), operand('y', ofY)];
  const step = local('step', 'u32');
  const warp = div(lane, u32(32));
  const own = mod(lane, u32(32));
  const index = (along: Along, stride: number, line: Expr): Expr =>
    along === 'sum' ? add(mul(line, u32(stride)), step) : add(mul(step, u32(stride)), line);
  const fragment = (side: 'row' | 'column', n: number, line: Expr): Statement => {
    const [array, along, { stride }] = side === 'row' ? (['x', ofX, x] as const) : (['y', ofY, y] as const);
    const name = `${array}_${n}`;
    return {
      kind: 'load_fragment',
      name,
      side,
      array: `${array}_tile`,
      index: index(along, stride, line),
      stride,
      along,
    };
  };
  const multiply = (n: number): Statement => {
    return { kind: 'multiply_fragments', type, into: 'sum', first: u32(8 * n), row: 'x_0', column: `y_${n}` };
  };
  const n = local('n', 'u32');
  const place = fragmentPlace(own, mod(n, u32(LANE_SUMS)));
  const row = add(mul(warp, u32(16)), place.row);
  const column = add(mul(div(n, u32(LANE_SUMS)), u32(16)), place.column);
  const at = add(mul(row, u32(LINES)), column);
  const buffer = (name: string, access: 'read' | 'read_write') => {
    const elements = LINES * (access === 'read' ? DEPTH : LINES);
    return { name, holds: name, type: 'f32' as const, elements, access, shape: '[32, 32]' };
  };
  return {
    name: `product_${type}`,
    doc: ['The product of two matrices of 32 by 32.'],
    buffers: [buffer('x', 'read'), buffer('y', 'read'), buffer('out', 'read_write')],
    uniforms: [],
    shared: [
      { name: 'x_tile', type, elements: 32 * 40 },
      { name: 'y_tile', type, elements: 32 * 40 },
      { name: 'result', type: 'f32', elements: 640, over: 'x_tile' },
    ],
    workgroup: 64,
    groups: 1,
    functions: [],
    flops: 0,
    bytes: 0,
    features: [],
    body: [
      ...[...x.fill, ...y.fill],
      { kind: 'barrier' },
      { kind: 'array', name: 'sum', type: 'f32', elements: 16, values: [] },
      count(
        'step',
        u32(DEPTH),
        [
          fragment('row', 0, mul(warp, u32(16))),
          ...[0, 1].flatMap((i) => [fragment('column', i, u32(16 * i)), multiply(i)]),
        ],
        16,
      ),
      { kind: 'barrier' },
      // Through the memory of an operand, half of the rows at a time.
      count('part', u32(2), [
        count('n', u32(16), [
          {
            kind: 'if',
            condition: { kind: 'binary', type: 'bool', op: 'eq', left: warp, right: local('part', 'u32') },
            then: [
              {
                kind: 'store_shared',
                array: 'result',
                index: mod(at, u32(512)),
                value: { kind: 'element', type: 'f32', array: 'sum', index: n },
              },
            ],
            else: [],
          },
        ]),
        { kind: 'barrier' },
        {
          kind: 'for',
          name: 'i',
          from: lane,
          to: u32(512),
          step: u32(64),
          body: [
            {
              kind: 'store',
              buffer: 'out',
              index: add(mul(local('part', 'u32'), u32(512)), local('i', 'u32')),
              value: shared('result', local('i', 'u32')),
            },
          ],
        },
        { kind: 'barrier' },
      ]),
    ],
  };
}

/** Numbers stored to a narrow array one by one, or four at once, and loaded again. */
function conversion(type: NarrowType, elements: number, inFours: boolean): Kernel {
  const buffer = (name: string, access: 'read' | 'read_write') => {
    return { name, holds: name, type: 'f32' as const, elements, access, shape: `[${elements}]` };
  };
  const i = local('i', 'u32');
  const four = [0, 1, 2, 3].map((c) => load('x', 'f32', add(mul(i, u32(4)), u32(c))));
  const put: Statement = inFours
    ? { kind: 'store_shared', array: 'kept', index: i, value: vector(four) }
    : { kind: 'store_shared', array: 'kept', index: i, value: load('x', 'f32', i) };
  return {
    ...product(type, 'sum', 'sum'),
    name: `conversion_${type}`,
    buffers: [buffer('x', 'read'), buffer('out', 'read_write')],
    shared: [{ name: 'kept', type, elements }],
    workgroup: 32,
    body: [
      { kind: 'for', name: 'i', from: lane, to: u32(inFours ? elements / 4 : elements), step: u32(32), body: [put] },
      { kind: 'barrier' },
      {
        kind: 'for',
        name: 'i',
        from: lane,
        to: u32(elements),
        step: u32(32),
        body: [{ kind: 'store', buffer: 'out', index: i, value: shared('kept', i) }],
      },
    ],
  };
}

const products = TYPES.flatMap((type) =>
  (['sum', 'lines'] as const).flatMap((ofX) => (['sum', 'lines'] as const).map((ofY) => product(type, ofX, ofY))),
);

test('nvcc takes fragments and narrow memory without a warning, for old and new architectures', () => {
  const nvcc = usableNvcc();
  if (nvcc === undefined) return;
  const kernels = [...products, ...TYPES.flatMap((type) => [conversion(type, 64, false), conversion(type, 64, true)])];
  const found = compileTogether(
    nvcc,
    kernels.map((kernel) => emit(kernel, CUDA).text),
    [80, 90],
  );
  if (typeof found === 'string') throw new Error(found);
  for (const reports of found) {
    assert.equal(reports.map((r) => r.architecture).sort(), ['sm_80', 'sm_90']);
    assert.ok(reports.every((r) => r.spilled === 0 && r.frame === 0));
  }
});

test('a product of fragments reads well', () => {
  matchesGolden('cuda/fragments.cu', emit(product('bf16', 'sum', 'lines'), CUDA).text);
  matchesGolden('cuda/fragments.txt', printKernel(product('bf16', 'sum', 'lines')));
});

const device = await openCudaTestDevice();

/** The rounded operands, and their product. */
function oracle(type: NarrowType, ofX: Along, ofY: Along, x: Float32Array, y: Float32Array): readonly number[] {
  const element = (data: Float32Array, along: Along, line: number, place: number): number =>
    nearest(type, data[along === 'sum' ? line * DEPTH + place : place * LINES + line] ?? Number.NaN);
  return Array.from({ length: LINES * LINES }, (_, at) => {
    const [row, column] = [Math.floor(at / LINES), at % LINES];
    let sum = 0;
    for (let k = 0; k < DEPTH; k++) sum += element(x, ofX, row, k) * element(y, ofY, column, k);
    return sum;
  });
}

const random = randomNumbers(7);
const numbers = (n: number): Float32Array => Float32Array.from({ length: n }, () => 2 * random() - 1);

for (const type of TYPES)
  for (const ofX of ['sum', 'lines'] as const)
    for (const ofY of ['sum', 'lines'] as const)
      test(`a product of ${type}: rows along the ${ofX}, columns along the ${ofY}`, async () => {
        const kernel = product(type, ofX, ofY);
        verifyKernel(kernel);
        const [x, y] = [numbers(LINES * DEPTH), numbers(LINES * DEPTH)];
        const expected = oracle(type, ofX, ofY, x, y);
        const found = new Float32Array(await runOnce(device, kernel, [x, y]));
        const memory = { x: Float64Array.from(x), y: Float64Array.from(y), out: new Float64Array(LINES * LINES) };
        runKernel(kernel, memory);
        expected.forEach((e, i) => {
          for (const data of [found, memory.out])
            assert.ok(Math.abs((data[i] ?? Number.NaN) - e) < 1e-5, `${i}: ${data[i]} for ${e}`);
        });
      });

test('numbers are rounded to the nearest, of two equally near ones to the even', async () => {
  const ties = [
    1,
    1.00390625,
    1.01171875,
    1.00048828125,
    1.00146484375,
    2 ** -24,
    2 ** -25,
    1.5 * 2 ** -25,
    3 * 2 ** -25,
  ];
  const edges = [65504, 65519.99, 65520, 3.3e38, 3.4028234663852886e38, 2 ** -14, 2 ** -14 - 2 ** -25, 2 ** -126, 0];
  const x = Float32Array.from([...ties, ...edges].flatMap((v) => [v, -v]));
  const all = Float32Array.from([...x, ...numbers(128 - x.length)]);
  for (const type of TYPES)
    for (const inFours of [false, true]) {
      const found = new Float32Array(await runOnce(device, conversion(type, all.length, inFours), [all]));
      assert.equal(
        [...found],
        [...all].map((v) => nearest(type, v)),
      );
    }
});

test('fragments that not all lanes of a warp load, and lines that are askew, are found', async () => {
  if (!device.info.software) {
    tellSkipped('a GPU does not find what is wrong with fragments');
    return;
  }
  const kernel = product('bf16', 'sum', 'sum');
  const inputs = [numbers(LINES * DEPTH), numbers(LINES * DEPTH)];
  const changed = (f: (s: Statement) => Statement): Kernel => ({
    ...kernel,
    body: kernel.body.map((s) => (s.kind === 'for' ? { ...s, body: s.body.map(f) } : s)),
  });
  const some = changed((s) =>
    s.kind === 'load_fragment' && s.side === 'row'
      ? { kind: 'if', condition: lt(mod(lane, u32(32)), u32(9)), then: [{ ...s, name: 'other' }], else: [] }
      : s,
  );
  const parted = {
    ...some,
    body: some.body.map((s) => (s.kind === 'for' && s.name === 'step' ? { ...s, body: s.body.slice(0, 1) } : s)),
  };
  const askew = changed((s) => (s.kind === 'load_fragment' ? { ...s, index: add(s.index, u32(4)) } : s));
  for (const [broken, message] of [
    [parted, /threads part/],
    [askew, /not begin at a multiple of 16 bytes/],
  ] as const)
    await runOnce(device, broken, inputs).then(
      () => assert.unreachable('it ran'),
      (error: unknown) => assert.match(String(error), message),
    );
  assert.throws(() => verifyKernel(parted), /not all invocations reach/);
});

test('what breaks a rule of fragments is found before it is printed', () => {
  const kernel = product('bf16', 'sum', 'sum');
  const broken = (change: (s: Statement) => Statement): Kernel => ({
    ...kernel,
    body: kernel.body.map((s) => (s.kind === 'for' ? { ...s, body: s.body.map(change) } : s)),
  });
  const cases: readonly (readonly [Kernel, RegExp])[] = [
    [broken((s) => (s.kind === 'load_fragment' ? { ...s, stride: 36 } : s)), /askew/],
    [broken((s) => (s.kind === 'load_fragment' ? { ...s, side: 'row' } : s)), /no fragment of a right operand/],
    [broken((s) => (s.kind === 'multiply_fragments' ? { ...s, type: 'f16' } : s)), /another type than f16/],
    [broken((s) => (s.kind === 'multiply_fragments' ? { ...s, first: u32(16) } : s)), /does not hold the sums/],
    [broken((s) => (s.kind === 'load_fragment' ? { ...s, array: 'result' } : s)), /what is not narrow/],
    [{ ...kernel, workgroup: 48 }, /whole subgroups/],
    [
      {
        ...kernel,
        body: [define('four', { kind: 'load_shared', type: 'vec4', array: 'x_tile', index: lane }), ...kernel.body],
      },
      /fours of floats/,
    ],
    [{ ...kernel, shared: kernel.shared.map((a) => (a.over ? { ...a, elements: 641 } : a)) }, /does not fit/],
    [{ ...kernel, body: [...kernel.body, define('whole', local('x_0', 'f32'))] }, /x_0/],
    [
      broken((s) => (s.kind === 'store_shared' ? { ...s, value: vector([f32(1)]), array: 'result' } : s)),
      /another type/,
    ],
  ];
  for (const [bad, message] of cases) assert.throws(() => verifyKernel(bad), message);
});

test.after(() => device.close());
test.run();
