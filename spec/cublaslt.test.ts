/**
 * Products of matrices by a library: what is passed to cuBLASLt, on a library that stands in for it and computes from what it is
 * told; see `support/fake-cublaslt.ts` for what that shows. The processor as a CUDA device computes the same products.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openCuda, openCudaCpu } from '../src/backends/cuda/device.ts';
import { findProgram } from '../src/backends/cuda/find-program.ts';
import type { Device } from '../src/backends/device.ts';
import { compileTarget } from '../src/backends/targets.ts';
import { Failure } from '../src/compiler/diagnostics/diagnostic.ts';
import type { Precision } from '../src/compiler/ir/kernel.ts';
import {
  linesOf,
  MATRICES,
  type MatmulShape,
  type MatrixName,
  matrixSpan,
  WORKSPACE_BYTES,
} from '../src/compiler/ir/matmul.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { bfloatToNumber, halfToNumber } from '../src/compiler/support/narrow-floats.ts';
import { compileText } from './support/compile-text.ts';
import { assertAgrees, runOnDevice, runReference, SCALARS } from './support/device-check.ts';
import { useFakeCublasLt } from './support/fake-cublaslt.ts';
import { useFakeCuda } from './support/fake-cuda.ts';
import { bitsOf, nearest } from './support/narrow.ts';
import { skipFile } from './support/skip.ts';
import { temporaryFolder } from './support/temporary.ts';
import { tinyPlan } from './support/tiny-plan.ts';

if (findProgram('g++') === undefined) skipFile('there is no g++ on this machine');

const cuda = useFakeCuda();
const fake = useFakeCublasLt();
const gpu = await openCuda();
const cpu = await openCudaCpu();

/** Products in a loop, of several terms, and of a weight of each kind; sizes that a library likes. */
const SPEC = `use std.{Embedding, Linear, RMSNorm, SwiGLU}
model Mini(vocab: axis = 8, width: axis = 12, hidden: axis = 16)(tokens: int[batch, time], targets: int[batch, time]) {
  embed = Embedding(vocab, width)
  x = embed(tokens)
  for layer in 1..2 { x = x + SwiGLU(hidden)(RMSNorm()(x)) }
  logits = Linear(vocab)(x)
  loss = mean(cross_entropy(logits, targets, over = vocab), where = targets >= 0)
}
train Mini() { batch = 2; time = 5; steps = 1; lr = 1e-2 }
`;
const VOCAB = 8;
const request = { limits: gpu.limits, target: compileTarget('cuda') };
const compiled = compileText(SPEC, { ...request, library: 'all' });
const graph = compiled.graphs.micro;

test('a step whose products go to the library agrees with the interpreter, in poisoned memory', async () => {
  assert.ok(graph);
  const expected = runReference(graph, VOCAB);
  // Of each layer three, their gradients and those of their weights, of which two are two terms of one sum; and those of the head.
  assert.is(compiled.plan.matmuls.length, 3 + 3 + 3 + 3);
  for (const device of [gpu, cpu]) assertAgrees(await runOnDevice(device, compiled, VOCAB), expected, device.info.name);
});

test('what a loop carries is added to by the library, in place', async () => {
  // Both layers share the feed-forward network, whose three gradients the backward loop adds up.
  const text = SPEC.replace('  for layer', '  ffn = SwiGLU(hidden)\n  for layer').replace(
    '+ SwiGLU(hidden)(',
    '+ ffn(',
  );
  for (const precision of ['f32', 'bf16']) {
    const shared = compileText(text, { ...request, library: 'all', set: ['width=16', `train.precision=${precision}`] });
    const [sums, terms] = [2, 1].map((members) =>
      shared.plan.matmuls.filter((entry) => entry.accumulate && entry.members.length === members),
    );
    assert.equal([sums?.length, terms?.length], [3, 1], precision);
    assert.is(shared.fused.micro?.inPlace.size, 3);
    const expected = runReference(present(shared.graphs.micro, 'a graph'), VOCAB);
    if (precision === 'f32')
      for (const device of [gpu, cpu])
        assertAgrees(await runOnDevice(device, shared, VOCAB), expected, `${device.info.name} ${precision}`);
  }
});

test('the library chooses before anything is recorded, once for each shape, and computes what is recorded', async () => {
  const loaded = await gpu.load(compiled.plan, compiled.texts);
  assert.is(
    loaded.allocatedBytes,
    compiled.plan.segments.reduce((sum, { bytes }) => sum + bytes, 0),
    'what it works in is in the plan',
  );
  fake.calls();
  cuda.calls();
  loaded.run('micro', SCALARS);
  const calls = fake.calls();
  const chosen = calls.filter((call) => call.startsWith('heuristic'));
  // What another plan has asked for is known.
  assert.ok(chosen.every((call) => call === 'heuristic'));
  const made = calls.filter((call) => call.startsWith('matmul'));
  assert.ok(made.length > compiled.plan.matmuls.length && made.every((call) => call.endsWith('(captured)')), made[0]);
  assert.ok(
    made.some((call) => call.includes(', added')),
    'a product of several terms adds up',
  );
  loaded.run('micro', SCALARS);
  assert.equal(fake.calls(), [], 'a second run is a launch of the graph');
  loaded.release();
});

/** Small whole numbers, which all types hold; and so are sums of products of a few of them. */
const small = (seed: number) => (i: number) => (((i * 2654435761 + seed * 40503) >>> 7) % 7) - 3;

const VALUE_OF: { readonly [P in Precision]: (view: DataView, at: number) => number } = {
  f32: (view, at) => view.getFloat32(4 * at, true),
  f16: (view, at) => halfToNumber(view.getUint16(2 * at, true)),
  bf16: (view, at) => bfloatToNumber(view.getUint16(2 * at, true)),
};

/** The memory of a matrix, of which every element is `value` of its place in memory. */
function memoryOf(type: Precision, bytes: number, value: (i: number) => number): Uint8Array {
  const memory = new Uint8Array(Math.ceil(bytes / 4) * 4);
  const view = new DataView(memory.buffer);
  const width = type === 'f32' ? 4 : 2;
  for (let i = 0; i < bytes / width; i++) {
    if (type === 'f32') view.setFloat32(4 * i, value(i), true);
    else view.setUint16(2 * i, bitsOf(type, value(i)), true);
  }
  return memory;
}

/** Where an element of a matrix lies, counted in elements. */
function placeIn(shape: MatmulShape, name: MatrixName, batch: number, row: number, column: number): number {
  const { leading, transposed, batchStride } = shape[name];
  return batch * batchStride + (transposed ? column * leading + row : row * leading + column);
}

/** What a device makes of one product of such matrices, from its first to its last element. */
async function product(device: Device, shape: MatmulShape): Promise<readonly number[]> {
  const entry = { name: 'product', ...shape, flops: 0, bytes: 0, members: [] };
  const bytes = (name: MatrixName): number => Math.ceil(matrixSpan(shape, name) / 4) * 4;
  const segments = MATRICES.map((name) => ({
    name,
    role: 'inputs' as const,
    bytes: Math.ceil(bytes(name) / 256) * 256,
  }));
  const { plan, texts } = tinyPlan(
    [...segments, { name: 'workspace', role: 'workspace', bytes: WORKSPACE_BYTES }],
    (table) => {
      const at = (name: MatrixName) => ({ segment: name, offset: 0, bytes: bytes(name) });
      const matmul = table.addMatmul(entry);
      return { run: [{ kind: 'matmul', matmul, left: at('left'), right: at('right'), result: at('result') }] };
    },
    'cuda',
  );
  const loaded = await device.load(plan, texts);
  for (const [k, name] of MATRICES.entries())
    loaded.write(name, 0, memoryOf(shape[name].type, matrixSpan(shape, name), small(k)));
  loaded.run('run', SCALARS);
  const view = new DataView(await loaded.read('result', 0, bytes('result')));
  loaded.release();
  const { type } = shape.result;
  return Array.from({ length: matrixSpan(shape, 'result') / (type === 'f32' ? 4 : 2) }, (_, i) =>
    VALUE_OF[type](view, i),
  );
}

/** By the definition of a product; what lies between lines stays. */
function expectedProduct(shape: MatmulShape): readonly number[] {
  const { type } = shape.result;
  const result = Array.from({ length: matrixSpan(shape, 'result') / (type === 'f32' ? 4 : 2) }, (_, i) => small(2)(i));
  for (let b = 0; b < shape.batch; b++) {
    for (let row = 0; row < shape.rows; row++) {
      for (let column = 0; column < shape.columns; column++) {
        const at = placeIn(shape, 'result', b, row, column);
        let sum = shape.accumulate ? (result[at] ?? 0) : 0;
        for (let k = 0; k < shape.depth; k++)
          sum += small(0)(placeIn(shape, 'left', b, row, k)) * small(1)(placeIn(shape, 'right', b, k, column));
        result[at] = type === 'f32' ? sum : nearest(type, sum);
      }
    }
  }
  return result;
}

const size = fc.integer({ min: 1, max: 6 });
const shapes = fc
  .record({
    sizes: fc.record({ batch: fc.integer({ min: 1, max: 3 }), rows: size, columns: size, depth: size }),
    types: fc.constantFrom<readonly [Precision, Precision]>(
      ['f32', 'f32'],
      ['f16', 'f16'],
      ['f16', 'f32'],
      ['bf16', 'bf16'],
      ['bf16', 'f32'],
    ),
    transposed: fc.tuple(fc.boolean(), fc.boolean()),
    gaps: fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3)),
    /** Matrices of a batch lie one behind the other, or line by line. */
    interleaved: fc.boolean(),
    accumulate: fc.boolean(),
  })
  .map(({ sizes, types: [type, result], transposed, gaps, interleaved, accumulate }): MatmulShape => {
    const bare = (which: Precision, turned: boolean) => ({
      type: which,
      leading: 0,
      transposed: turned,
      batchStride: 0,
    });
    const shape: MatmulShape = {
      ...sizes,
      left: bare(type, transposed[0]),
      right: bare(type, transposed[1]),
      result: bare(result, false),
      accumulate,
    };
    const laid = (name: MatrixName, gap: number) => {
      const { lines, line } = linesOf(shape, name);
      const own = line + gap;
      const strides = interleaved
        ? { leading: own * sizes.batch, batchStride: own }
        : { leading: own, batchStride: own * lines };
      return { ...shape[name], ...strides };
    };
    return { ...shape, left: laid('left', gaps[0]), right: laid('right', gaps[1]), result: laid('result', gaps[2]) };
  });

test('products of matrices in every type and layout are what they should be, through the library and on the processor', async () => {
  await fc.assert(
    fc.asyncProperty(shapes, async (shape) => {
      const expected = expectedProduct(shape);
      for (const device of [gpu, cpu]) assert.equal(await product(device, shape), expected, device.info.name);
    }),
    { numRuns: 60 },
  );
  assert.not.ok(
    fake.calls().some((call) => !/^(create|heuristic|matmul)/.test(call)),
    'nothing was refused',
  );
});

test('a plan whose matrices do not lie in their memory is refused before the library sees it', async () => {
  const [entry] = compiled.plan.matmuls;
  assert.ok(entry);
  const matmuls = [{ ...entry, rows: 1000 * entry.rows }, ...compiled.plan.matmuls.slice(1)];
  const loaded = await cpu.load({ ...compiled.plan, matmuls }, compiled.texts, { fromFiles: true });
  try {
    loaded.run('micro', SCALARS);
    assert.unreachable('it ran');
  } catch (error) {
    assert.instance(error, Failure);
    assert.match(
      error instanceof Failure ? (error.diagnostics[0]?.message ?? '') : '',
      /the matrix 'left' of .* lies in its memory/,
    );
  } finally {
    loaded.release();
  }
});

test('what the library refuses is told with the name of the product', async () => {
  process.env.FAKE_CUBLASLT_NONE = '1';
  const other = await openCuda();
  try {
    const loaded = await other.load(compiled.plan, compiled.texts);
    loaded.run('micro', SCALARS);
    assert.unreachable('it ran');
  } catch (error) {
    const [first] = error instanceof Failure ? error.diagnostics : [];
    assert.is(first?.code, 'cublaslt-error', String(error));
    assert.match(first?.message ?? '', /knows no way to compute it on this GPU.* of the product '/);
  } finally {
    delete process.env.FAKE_CUBLASLT_NONE;
    other.close();
  }
});

test('what is closed gives all back', async () => {
  fake.calls();
  gpu.close();
  assert.equal(fake.calls(), ['destroyed, 0 left']);
});

test('without the library there is one clear message and exit code 3, and none is needed without --lib', async () => {
  const nowhere = join(temporaryFolder(), 'libcublasLt.so.13');
  const run = (...args: readonly string[]) =>
    spawnSync(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', ...args], {
      encoding: 'utf8',
      env: { ...process.env, TFM_LIBCUBLASLT: nowhere },
    });
  const folder = temporaryFolder({
    'mini.tfm': SPEC.replace('lr =', 'data = text("*.txt"); lr ='),
    'a.txt': 'to be '.repeat(99),
  });
  const { status, stderr } = run('bench', join(folder, 'mini.tfm'), '--device', 'cuda', '--lib-all');
  assert.is(status, 3, stderr);
  assert.match(stderr, '[cublaslt-missing]');
  assert.match(stderr, nowhere);
  assert.match(stderr, 'without it every kernel is generated');
  assert.match(run('doctor').stdout, /^libcublasLt +none \(products of matrices, for --lib alone\)/m);
  const before = process.env.TFM_LIBCUBLASLT;
  process.env.TFM_LIBCUBLASLT = nowhere;
  const other = await openCuda();
  const { plan, texts } = compileText(SPEC, request);
  const loaded = await other.load(plan, texts);
  loaded.release();
  other.close();
  process.env.TFM_LIBCUBLASLT = before;
});

test.run();
