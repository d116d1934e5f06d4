/** `npm run check:gpu`, with the processor in the place of a GPU, at small sizes; and what it says where there is none. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findProgram } from '../src/backends/cuda/find-program.ts';
import { bench } from './gpu/bench.ts';
import { deviceTests, primitives } from './gpu/primitives.ts';
import { tellSkipped } from './support/skip.ts';
import { temporaryFolder } from './support/temporary.ts';

function check(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return spawnSync(process.execPath, ['--import', 'tsx', 'spec/check-gpu.ts', ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
}

test('oracle, primitives and determinism pass on the processor, and the results are written', () => {
  if (findProgram('g++') === undefined) {
    tellSkipped('there is no g++ on this machine');
    return;
  }
  const out = join(temporaryFolder(), 'results');
  const parts = ['oracle', 'primitives', 'determinism'];
  const { status, stdout, stderr } = check([
    '--device',
    'cuda-cpu',
    ...parts,
    ...['--only', 'kernel-numerics', '--only', 'gpt2'],
    '--out',
    out,
  ]);
  assert.is(status, 0, `${stdout}\n${stderr}`);
  const [file = '', ...more] = readdirSync(out);
  assert.equal(more, []);
  assert.match(file, /^gpu-\d{4}-\d\d-\d\d-[a-z0-9-]+-as-a-cuda-device\.json$/);
  const said = JSON.parse(readFileSync(join(out, file), 'utf8'));
  assert.is(said.format_version, 1);
  assert.is(said.device.kind, 'cuda-cpu');
  assert.equal(Object.keys(said.parts), parts);
  for (const part of parts) assert.is(said.parts[part].status, 'passed');
  for (const precision of ['f32', 'bf16', 'f16'])
    assert.ok(Object.keys(said.parts.oracle.figures[`gpt2 ${precision}`].gradients).length > 10, precision);
  for (const precision of ['f32', 'bf16'])
    assert.ok(said.parts.oracle.figures[`gpt2 ${precision}, products by a library`].loss >= 0, precision);
  const [tests] = Object.values<{ passed: number; failed: number }>(said.parts.primitives.figures);
  assert.ok(tests && tests.passed > 20 && tests.failed === 0);
});

test('the benchmark measures all that it should, at a small size', async () => {
  if (findProgram('g++') === undefined) {
    tellSkipped('there is no g++ on this machine');
    return;
  }
  const info = { name: 'none', vendor: '', driver: '', software: true, features: [] };
  const { status, figures } = await bench.run({ device: 'cuda-cpu', info, only: [], tell: () => {} });
  assert.is(status, 'passed');
  const said = JSON.parse(JSON.stringify(figures));
  const {
    tfm,
    'tfm --lib': lib,
    products,
    'products by cuBLASLt': theirs,
    attention,
    'LNS over PreNorm': lns,
    'kernels that move bytes': moved,
  } = said.summary;
  for (const number of [
    lib.tokens_per_second,
    theirs[0].flops_per_second,
    tfm.tokens_per_second,
    tfm.peak_bytes,
    tfm.cold_start_seconds,
    said.copy_bytes_per_second,
  ])
    assert.ok(number > 0, JSON.stringify(tfm));
  for (const number of [products[0].flops_per_second, attention.forward_ms, attention.backward_ms, lns.median])
    assert.ok(number > 0, JSON.stringify(said.summary));
  const kernels = moved.map(({ kernel }: { kernel: string }) => kernel);
  for (const kernel of ['adam', 'layer_ffn_rms_norm']) assert.ok(kernels.includes(kernel), kernels.join(' '));
});

test('a part fails when its device is asked for and is not there', async () => {
  process.env.TFM_LIBCUDA = '/nowhere/libcuda.so';
  const info = { name: 'none', vendor: '', driver: '', software: false, features: [] };
  const result = await primitives.run({ device: 'cuda', info, only: ['kernel-numerics'], tell: () => {} });
  assert.is(result.status, 'failed');
  assert.match(result.reasons.join(), /kernel-numerics.*no NVIDIA driver/s);
});

test('packed in a folder, it runs from the folder alone', () => {
  const folder = join(temporaryFolder(), 'packed');
  const packed = spawnSync(process.execPath, ['scripts/pack-for-gpu.mjs', folder, '--without-node'], {
    encoding: 'utf8',
  });
  assert.is(packed.status, 0, packed.stderr);
  const run = (args: readonly string[], env: Readonly<Record<string, string>>) =>
    spawnSync(join(folder, 'run'), args, { cwd: '/', encoding: 'utf8', env: { ...process.env, ...env } });
  const missing = run([], { TFM_LIBCUDA: '/nowhere/libcuda.so' });
  assert.is(missing.status, 3, missing.stderr);
  assert.match(missing.stderr, 'no NVIDIA driver');
  const kernels = run(['--device', 'wgsl', 'primitives', '--only', 'kernel-numerics', '--out', folder], {});
  assert.is(kernels.status, 0, `${kernels.stdout}\n${kernels.stderr}`);
  assert.match(kernels.stderr, /kernel-numerics\.test\.js: \d+ passed, 0 failed/);
});

test('the tests that run on every device are found', () => {
  const names = deviceTests().map((file) => file.split('.')[0]);
  for (const name of ['kernel-numerics', 'device-plans', 'gallery-kernels', 'lower-matrix'])
    assert.ok(names.includes(name), name);
  assert.not.ok(names.includes('oracle'));
  // A machine may have no Vulkan, and these run on a GPU through CUDA alone.
  for (const file of deviceTests())
    assert.not.match(readFileSync(join('spec', file), 'utf8'), /\bopen(WebGpu|CudaCpu)\(/, file);
});

test('without a driver there is one message and exit code 3; what is not known is told with exit code 2', () => {
  const missing = check([], { TFM_LIBCUDA: '/nowhere/libcuda.so' });
  assert.is(missing.status, 3, missing.stderr);
  assert.match(missing.stderr, /^error: no NVIDIA driver.*\/nowhere\/libcuda\.so/s);
  assert.is(missing.stdout, '');
  for (const args of [['oracles'], ['--device', 'gpu']]) {
    const { status, stderr } = check(args);
    assert.is(status, 2);
    assert.match(stderr, `there is no ${args[0] === 'oracles' ? 'part oracles' : 'device gpu'}`);
  }
});

test.run();
