/**
 * The limits of a device: WebGPU's minimum, tensors larger than one binding, grids wider than one dimension, too little
 * memory. What fits agrees with the float64 interpreter; what cannot fit is refused before anything is allocated.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openWebGpu } from '../src/backends/wgsl/device.ts';
import { EXIT, type ExitCode } from '../src/compiler/diagnostics/diagnostic.ts';
import { launchesIn } from '../src/compiler/ir/plan-calls.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { compileText, PORTABLE_LIMITS } from './support/compile-text.ts';
import { assertAgrees, norm, runOnDevice, runReference } from './support/device-check.ts';
import { failsWith } from './support/failures.ts';
import { TINY_LLAMA, TINY_VOCAB } from './support/tiny-llama.ts';

const minimal = await openWebGpu({ minimumLimits: true });
const narrow = await openWebGpu({ minimumLimits: true, bindingBytes: 1 << 15 });

/** WebGPU promises these to every program; a device that was asked for no more has no more. */
test('the device has the minimum limits', () => {
  assert.is(minimal.limits.storageBindings, 8);
  assert.is(minimal.limits.invocationsPerGroup, 256);
  assert.is(minimal.limits.sharedBytes, 16384);
  assert.is(minimal.limits.bindingBytes, 1 << 27);
});

const { graphs } = compileText(TINY_LLAMA);
const expected = runReference(present(graphs.micro, 'a graph'), TINY_VOCAB);

test('a step within the minimum limits', async () => {
  const compiled = compileText(TINY_LLAMA, { limits: minimal.limits });
  assert.ok(compiled.plan.kernels.every((k) => k.bindings.length <= 8));
  assertAgrees(await runOnDevice(minimal, compiled, TINY_VOCAB), expected, 'with the minimum limits');
});

test('what is planned is what is allocated', async () => {
  const { plan, texts } = compileText(TINY_LLAMA, { limits: minimal.limits, purposes: ['train', 'evaluate'] });
  const loaded = await minimal.load(plan, texts);
  assert.is(loaded.allocatedBytes, plan.memory.plannedBytes);
  loaded.release();
  assert.ok(plan.memory.plannedBytes <= 1.15 * plan.memory.liveBytes);
});

test('an embedding, a head and logits larger than one binding', async () => {
  const set = ['vocab=700', 'depth=1'];
  const whole = present(compileText(TINY_LLAMA, { set }).graphs.micro, 'a graph');
  const compiled = compileText(TINY_LLAMA, { set, limits: narrow.limits });
  const larger = compiled.plan.weights.filter((w) => w.bytes > narrow.limits.bindingBytes);
  assert.ok(larger.some((w) => w.name === 'embed.table') && larger.length >= 2, `${larger.map((w) => w.name)}`);
  for (const address of Object.values(compiled.plan.programs)
    .flatMap(launchesIn)
    .flatMap((l) => l.addresses))
    assert.ok(address.bytes <= narrow.limits.bindingBytes, `a binding of ${address.bytes} bytes`);
  assertAgrees(await runOnDevice(narrow, compiled, 700), runReference(whole, 700), 'with bindings of 32 KiB');
});

test('grids wider than one dimension', async () => {
  const limits = { ...minimal.limits, groupsPerDimension: 3 };
  const compiled = compileText(TINY_LLAMA, { limits });
  const groups = Object.values(compiled.plan.programs)
    .flatMap(launchesIn)
    .map((l) => l.groups);
  assert.ok(groups.some(([, y]) => y > 1));
  const found = await runOnDevice(minimal, compiled, TINY_VOCAB);
  assertAgrees(found, expected, 'with folded grids');
  const total = Math.hypot(...[...found.gradients.values()].map(norm));
  assert.ok(Math.abs(found.gradNorm - total) <= 1e-5 * total, `norm ${found.gradNorm} instead of ${total}`);
});

test('micro = auto takes the largest micro-batch that fits', () => {
  const accumulationWith = (memoryBytes: number, batch = 12): number =>
    compileText(TINY_LLAMA, { set: [`train.batch=${batch}`], limits: { ...PORTABLE_LIMITS, memoryBytes } }).plan
      .accumulation;
  const bytesOf = (micro: number): number =>
    compileText(TINY_LLAMA, { set: ['train.batch=12', `train.micro=${micro}`] }).plan.memory.plannedBytes;
  assert.is(accumulationWith(Number.POSITIVE_INFINITY), 1);
  for (const micro of [6, 4, 3, 1]) {
    assert.is(accumulationWith(bytesOf(micro)), 12 / micro, `room for exactly a micro-batch of ${micro}`);
  }
  assert.is(accumulationWith(bytesOf(4) - 1), 4, 'one byte too little');
  const least = bytesOf(1);
  assert.is(accumulationWith(least - 1), 12, 'then something is computed again');
  const message = failsWith('memory-exceeded', EXIT.memory, () => accumulationWith(least / 2));
  assert.match(message, /needs .* and the device offers/);
  failsWith('memory-exceeded', EXIT.memory, () => accumulationWith(1000));
});

test('a micro-batch that was asked for is not made smaller', () => {
  const limits = { ...PORTABLE_LIMITS, memoryBytes: 100_000 };
  failsWith('memory-exceeded', EXIT.memory, () => compileText(TINY_LLAMA, { set: ['train.micro=3'], limits }));
});

const ABSURD: readonly (readonly [readonly string[], string, ExitCode])[] = [
  [['vocab=1_000_000_000'], 'tensor-too-large', EXIT.memory],
  [['vocab=4_000_000_000_000'], 'bad-size', EXIT.input],
  [['width=12_000_000', 'heads=4'], 'tensor-too-large', EXIT.memory],
  [['train.time=1_000_000_000'], 'tensor-too-large', EXIT.memory],
  [['train.batch=1_000_000_007', 'train.micro=1_000_000_007'], 'tensor-too-large', EXIT.memory],
  [['depth=100_000'], 'too-many-iterations', EXIT.input],
];

for (const [set, code, exit] of ABSURD) {
  test(`refused at once: ${set}`, () => {
    const start = performance.now();
    failsWith(code, exit, () => compileText(TINY_LLAMA, { set, limits: { ...PORTABLE_LIMITS, memoryBytes: 2 ** 34 } }));
    const ms = performance.now() - start;
    assert.ok(ms < 5000, `${ms} ms`);
  });
}

test('a batch with a huge prime as its size is cut into sequences', () => {
  const { plan } = compileText(TINY_LLAMA, { set: ['train.batch=1_000_000_007'] });
  assert.is(plan.accumulation, 1_000_000_007);
});

test.after(() => {
  minimal.close();
  narrow.close();
});
test.run();
