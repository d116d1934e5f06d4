/** Copies to workgroup memory that go on beside the invocation, as primitives: on a device, without one, and through nvcc. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CUDA } from '../src/backends/cuda/dialect.ts';
import { CUDA_LIMITS } from '../src/backends/cuda/limits.ts';
import { emit } from '../src/backends/shared/emit.ts';
import type { Expr, Kernel, KernelBuffer, Statement } from '../src/compiler/ir/kernel.ts';
import { add, bool, builtin, local, lt, mod, mul, sub as subtract, u32 } from '../src/compiler/ir/kernel-expr.ts';
import { mapStatement } from '../src/compiler/ir/kernel-walk.ts';
import { printKernel } from '../src/compiler/ir/print-kernel.ts';
import { verifyKernel } from '../src/compiler/ir/verify-kernel.ts';
import { legalise } from '../src/compiler/lower/legalise.ts';
import { openCudaTestDevice } from './support/devices.ts';
import { matchesGolden } from './support/golden.ts';
import { compileTogether, usableNvcc } from './support/nvcc.ts';
import { runKernel } from './support/run-kernel.ts';
import { count } from './support/sample-kernels.ts';
import { tellSkipped } from './support/skip.ts';
import { runOnce } from './support/tiny-plan.ts';

const [LANES, STEPS, TURNS] = [32, 7, 3];

const lane = builtin('local');
const step = local('step', 'u32');

/**
 * Each step has a piece for each invocation. They go through workgroup memory, which has places for three steps, and come out in
 * the order of the other end of the workgroup; what `isInside` rules out comes out as zero.
 */
function turned(type: 'f32' | 'bf16', elements: number, isInside: Expr = bool(true)): Kernel {
  const size = STEPS * LANES * elements;
  const buffer = (name: string, access: KernelBuffer['access']): KernelBuffer => {
    const own = access === 'read' ? type : 'f32';
    return { name, holds: name, type: own, elements: size, access, shape: `[${size}]` };
  };
  const place = (turn: Expr, of: Expr): Expr => add(mul(mod(turn, u32(TURNS)), u32(LANES)), of);
  const done = local('done', 'u32');
  const other = subtract(u32(LANES - 1), lane);
  const i = local('i', 'u32');
  return {
    name: 'turned',
    doc: ['Pieces in another order.'],
    buffers: [buffer('x', 'read'), buffer('out', 'read_write')],
    uniforms: [],
    shared: [{ name: 'tile', type, elements: TURNS * LANES * elements }],
    workgroup: LANES,
    groups: 1,
    functions: [],
    flops: 0,
    bytes: 0,
    features: [],
    body: [
      count('step', u32(STEPS + TURNS - 1), [
        { kind: 'wait_copies', open: TURNS - 2 },
        { kind: 'barrier' },
        {
          kind: 'if',
          condition: lt(step, u32(STEPS)),
          then: [
            {
              kind: 'copy_shared',
              array: 'tile',
              to: place(step, lane),
              buffer: 'x',
              from: add(mul(step, u32(LANES)), lane),
              elements,
              inside: isInside,
            },
          ],
          else: [],
        },
        { kind: 'commit_copies' },
        {
          kind: 'if',
          condition: lt(u32(TURNS - 2), step),
          then: [
            { kind: 'let', name: 'done', value: subtract(step, u32(TURNS - 1)) },
            count('i', u32(elements), [
              {
                kind: 'store',
                buffer: 'out',
                index: add(mul(add(mul(done, u32(LANES)), lane), u32(elements)), i),
                value: {
                  kind: 'load_shared',
                  type: 'f32',
                  array: 'tile',
                  index: add(mul(place(done, other), u32(elements)), i),
                },
              },
            ]),
          ],
          else: [],
        },
      ]),
    ],
  };
}

const SOME = lt(mod(add(step, lane), u32(3)), u32(2));
const CASES = [
  ['f32', 1],
  ['f32', 2],
  ['f32', 4],
  ['bf16', 2],
  ['bf16', 4],
  ['bf16', 8],
] as const;

test('nvcc takes copies of every size without a warning, for old and new architectures', () => {
  const nvcc = usableNvcc();
  if (nvcc === undefined) return;
  const kernels = CASES.flatMap(([type, elements]) => [turned(type, elements), turned(type, elements, SOME)]);
  const found = compileTogether(
    nvcc,
    kernels.map((kernel) => emit(kernel, CUDA).text),
    [80, 90],
  );
  if (typeof found === 'string') throw new Error(found);
  for (const reports of found) assert.equal(reports.map((r) => r.architecture).sort(), ['sm_80', 'sm_90']);
});

test('copies read well', () => {
  matchesGolden('cuda/copies.cu', emit(turned('bf16', 8, SOME), CUDA).text);
  matchesGolden('cuda/copies.txt', printKernel(turned('bf16', 8, SOME)));
});

const device = await openCudaTestDevice();

/** Small whole numbers, which every type has. */
function expected(elements: number, isSome: boolean): { readonly x: Float64Array; readonly out: Float64Array } {
  const x = Float64Array.from({ length: STEPS * LANES * elements }, (_, i) => (i % 251) + 1);
  const out = x.map((_, at) => {
    const [s, l] = [Math.floor(at / elements / LANES), LANES - 1 - (Math.floor(at / elements) % LANES)];
    return isSome && (s + l) % 3 === 2 ? 0 : (x[(s * LANES + l) * elements + (at % elements)] ?? Number.NaN);
  });
  return { x, out };
}

/** What a buffer holds; a bf16 is the upper half of an f32. */
function cells(type: 'f32' | 'bf16', x: Float64Array): ArrayBufferView {
  if (type === 'bf16') return Uint16Array.from(x, (v) => (new Uint32Array(Float32Array.of(v).buffer)[0] ?? 0) >>> 16);
  return Float32Array.from(x);
}

for (const [type, elements] of CASES)
  test(`pieces of ${elements} in ${type} come where they should, in time`, async () => {
    for (const isSome of [false, true]) {
      const kernel = turned(type, elements, isSome ? SOME : bool(true));
      verifyKernel(kernel);
      const { x, out } = expected(elements, isSome);
      const memory = { x, out: new Float64Array(out.length) };
      runKernel(kernel, memory);
      assert.equal([...memory.out], [...out]);
      assert.equal([...new Float32Array(await runOnce(device, kernel, [cells(type, x)]))], [...out]);
    }
  });

/** A kernel whose statements, those in its loop too, are what `change` makes of them. */
function changed(kernel: Kernel, change: (s: Statement) => readonly Statement[]): Kernel {
  const all = (list: readonly Statement[]): readonly Statement[] =>
    list.flatMap((s) => change(mapStatement(s, (e) => e, all)));
  return { ...kernel, body: all(kernel.body) };
}

test('a wait for too few groups shows, and so does a place that is copied to too early', async () => {
  if (!device.info.software) {
    tellSkipped('a GPU may have copied in time all the same');
    return;
  }
  const { x, out } = expected(8, false);
  const late = changed(turned('bf16', 8), (s) => [s.kind === 'wait_copies' ? { ...s, open: TURNS - 1 } : s]);
  const early = changed(turned('bf16', 8), (s) => [
    s.kind === 'copy_shared' ? { ...s, to: mod(s.to, u32((TURNS - 1) * LANES)) } : s,
  ]);
  for (const broken of [late, early]) {
    const found = [...new Float32Array(await runOnce(device, broken, [cells('bf16', x)]))];
    assert.ok(found.some((value, i) => !Object.is(value, out[i])));
  }
  assert.throws(() => runKernel(late, { x, out: new Float64Array(out.length) }), /was not written/);
});

test('a buffer in windows is copied from the one that has the piece', () => {
  const limits = { ...CUDA_LIMITS, bindingBytes: 1024 };
  const kernel = legalise(turned('bf16', 8, SOME), limits);
  verifyKernel(kernel);
  assert.ok(kernel.buffers.filter(({ access }) => access === 'read').length > 3);
  const { x, out } = expected(8, true);
  const found = new Float64Array(out.length);
  const memory = Object.fromEntries(
    kernel.buffers.map(({ name, access, elements, window }) => {
      const start = window?.start ?? 0;
      return [name, (access === 'read' ? x : found).subarray(start, start + elements)];
    }),
  );
  runKernel(kernel, memory);
  assert.equal([...found], [...out]);
});

test('what breaks a rule of copies is found before it is printed', () => {
  const kernel = turned('bf16', 8);
  const onCopy = (change: object): Kernel =>
    changed(kernel, (s) => [s.kind === 'copy_shared' ? { ...s, ...change } : s]);
  const without = (kind: Statement['kind']): Kernel => changed(kernel, (s) => (s.kind === kind ? [] : [s]));
  const some: Expr = lt(lane, u32(9));
  const cases: readonly (readonly [Kernel, RegExp])[] = [
    [onCopy({ elements: 3 }), /6 bytes are copied/],
    [onCopy({ elements: 16 }), /32 bytes are copied/],
    [onCopy({ buffer: 'out' }), /not only read/],
    [onCopy({ inside: lane }), /no bool/],
    [{ ...kernel, shared: kernel.shared.map((a) => ({ ...a, type: 'f16' as const })) }, /another type/],
    [{ ...kernel, shared: kernel.shared.map((a) => ({ ...a, elements: a.elements - 2 })) }, /ends within a copy/],
    [without('barrier'), /no wait and barrier/],
    [without('wait_copies'), /no wait and barrier/],
    [without('commit_copies'), /not closed/],
    [
      changed(kernel, (s) => [s.kind === 'commit_copies' ? { kind: 'if', condition: some, then: [s], else: [] } : s]),
      /not all invocations reach/,
    ],
  ];
  for (const [bad, message] of cases) assert.throws(() => verifyKernel(bad), message, `${message}`);
});

test.after(() => device.close());
test.run();
