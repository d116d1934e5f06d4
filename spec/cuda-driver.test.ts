/**
 * The device of NVIDIA GPUs, on libraries that stand in for the driver and NVRTC; see `support/fake-cuda.ts` for what that
 * shows. It has not run on a real driver here.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openCuda } from '../src/backends/cuda/device.ts';
import { findProgram } from '../src/backends/cuda/find-program.ts';
import { ptxOf } from '../src/backends/cuda/ptx.ts';
import { PTX_FILE } from '../src/backends/cuda/ptx-file.ts';
import type { Device, LoadedPlan } from '../src/backends/device.ts';
import { checkPlan } from '../src/backends/shared/check-plan.ts';
import { compileTarget } from '../src/backends/targets.ts';
import { Failure } from '../src/compiler/diagnostics/diagnostic.ts';
import type { Expr, Kernel } from '../src/compiler/ir/kernel.ts';
import { add, builtin, load, u32 } from '../src/compiler/ir/kernel-expr.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { compileText } from './support/compile-text.ts';
import { assertAgrees, runOnDevice, runReference, SCALARS } from './support/device-check.ts';
import { useFakeCuda } from './support/fake-cuda.ts';
import { usableNvcc } from './support/nvcc.ts';
import { runMain } from './support/run-cli.ts';
import { skipFile } from './support/skip.ts';
import { temporaryFolder } from './support/temporary.ts';
import { eachElement, runOnce, tinyPlan } from './support/tiny-plan.ts';

if (findProgram('g++') === undefined) skipFile('there is no g++ on this machine');

const fake = useFakeCuda();
const device = await openCuda();

const SPEC = `model Bigram(vocab: axis = 8)(tokens: int[batch, time], targets: int[batch, time]) {
  axis next = vocab
  param table: [vocab -> next] ~ normal(0.02)
  logits = table[vocab = tokens][next -> vocab]
  loss = mean(cross_entropy(logits, targets, over = vocab))
}
train Bigram() { batch = 2; time = 4; steps = 1; lr = 1e-2 }
`;
const compiled = compileText(SPEC, { limits: device.limits, target: compileTarget('cuda') });

async function failureOf(act: () => unknown): Promise<Failure> {
  try {
    await act();
  } catch (error) {
    assert.instance(error, Failure, String(error));
    if (error instanceof Failure) return error;
  }
  throw new Error('it did not fail');
}

/** A failure's code and words. */
const words = ({ diagnostics: [first] }: Failure): string => `[${first?.code}] ${first?.message}`;

/** Runs with other variables of the environment, which are as before afterwards. */
async function withVariables<T>(values: Readonly<Record<string, string>>, work: () => Promise<T>): Promise<T> {
  const before = Object.entries(values).map(([name]) => [name, process.env[name]] as const);
  Object.assign(process.env, values);
  try {
    return await work();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

test('it says what the driver says', () => {
  const { info, limits } = device;
  assert.is(info.name, 'Fake GPU');
  assert.match(info.driver, 'CUDA 12.8, compute capability 9.0');
  assert.is(limits.memoryBytes, 2 ** 30);
  assert.is(limits.subgroupSize, 32);
});

test('a step on it agrees with the interpreter, in poisoned memory', async () => {
  const expected = runReference(present(compiled.graphs.micro, 'a graph'), 8);
  assertAgrees(await runOnDevice(device, compiled, 8), expected, 'on the fake GPU');
});

async function loaded(work: (plan: LoadedPlan) => Promise<void>): Promise<void> {
  const plan = await device.load(compiled.plan, compiled.texts);
  try {
    await work(plan);
  } finally {
    plan.release();
  }
}

test('a run of a program is one launch of a graph, and nothing is read back', async () => {
  await loaded(async (plan) => {
    plan.run('micro', SCALARS);
    await plan.finish();
    fake.calls();
    for (let step = 0; step < 3; step++) plan.run('micro', { ...SCALARS, step });
    assert.equal(
      fake.calls(),
      [0, 1, 2].flatMap(() => ['cuMemcpyHtoDAsync_v2', 'cuGraphLaunch']),
    );
  });
});

test('a step of several micro-batches is one upload and one launch, and its numbers are read without waiting for later ones', async () => {
  await loaded(async (plan) => {
    const micro = present(compiled.plan.programs.micro, 'a program');
    const inputs = micro.inputs.map(({ address: { segment, offset, bytes } }) => ({
      segment,
      offset,
      data: new Int32Array(bytes / 4),
    }));
    const step = (k: number) => [
      { program: 'begin', scalars: { ...SCALARS, step: k }, inputs: [] },
      ...[0, 1].map((m) => ({ program: 'micro', scalars: { ...SCALARS, step: k, micro: m }, inputs })),
      { program: 'update', scalars: { ...SCALARS, step: k }, inputs: [] },
    ];
    plan.runAll(step(0));
    fake.calls();
    plan.runAll(step(1));
    const numbers = plan.read('outputs', 0, 4);
    plan.runAll(step(2));
    await numbers;
    const [copied, launched] = ['cuMemcpyHtoDAsync_v2', 'cuGraphLaunch'];
    const calls = fake.calls();
    assert.equal(calls.slice(0, 6), [
      copied,
      launched,
      'cuMemcpyDtoHAsync_v2',
      'cuEventRecord',
      'cuEventQuery',
      copied,
    ]);
    assert.is(calls[6], launched);
    assert.not.ok(calls.includes('cuStreamSynchronize'));
  });
});

test('many small uploads wait only when a half of the ring has come round', async () => {
  await loaded(async (plan) => {
    fake.calls();
    const [input] = present(compiled.plan.programs.micro, 'a program').inputs;
    const { segment, offset } = present(input, 'an input').address;
    for (let i = 0; i < 80_000; i++) plan.write(segment, offset, Int32Array.of(i));
    assert.equal([...new Int32Array(await plan.read(segment, offset, 4))], [79_999]);
    const calls = fake.calls();
    assert.is(calls.filter((c) => c === 'cuMemcpyHtoDAsync_v2').length, 80_000);
    assert.is(calls.filter((c) => c === 'cuStreamSynchronize').length, 0);
    // The last is that of the read.
    assert.is(calls.filter((c) => c === 'cuEventSynchronize').length, 2 + 1);
  });
});

test('kernels are compiled once, and a damaged one of the cache again', async () => {
  const folder = join(process.env.XDG_CACHE_HOME ?? '', 'tfm', 'cuda');
  const kept = readdirSync(folder);
  assert.is(kept.length, new Set(Object.values(compiled.texts)).size);
  const path = join(folder, present(kept[0], 'an entry'));
  const whole = readFileSync(path);
  writeFileSync(path, whole.subarray(0, whole.length - 5));
  await loaded(async () => {});
  assert.equal(readFileSync(path), whole);
});

test('a launch asks for shared memory that is more than a kernel can declare', async () => {
  const elements = 2 ** 14;
  const last = (of: Expr): Expr => add(of, u32(elements - 32));
  const lane = builtin('local');
  const memory = eachElement(
    'far',
    32,
    [
      { name: 'x', type: 'f32', access: 'read' },
      { name: 'out', type: 'f32', access: 'read_write' },
    ],
    [],
  );
  const kernel: Kernel = {
    ...memory,
    shared: [{ name: 'tile', type: 'f32', elements }],
    workgroup: 32,
    groups: 1,
    body: [
      { kind: 'store_shared', array: 'tile', index: last(lane), value: load('x', 'f32', lane) },
      { kind: 'barrier' },
      {
        kind: 'store',
        buffer: 'out',
        index: lane,
        value: { kind: 'load_shared', type: 'f32', array: 'tile', index: last(lane) },
      },
    ],
  };
  fake.calls();
  const x = Float32Array.from({ length: 32 }, (_, i) => i + 1);
  assert.equal([...new Float32Array(await runOnce(device, kernel, [x]))], [...x]);
  assert.ok(fake.calls().includes('cuFuncSetAttribute'));
  const few = { ...device, limits: { ...device.limits, sharedBytes: 48 * 1024 } };
  const { plan } = tinyPlan(
    [],
    (table) => {
      table.add(kernel, []);
      return {};
    },
    'cuda',
  );
  assert.throws(() => checkPlan(few, plan), /bytes of workgroup memory/);
});

test('what the compiler refuses is said with its place', async () => {
  const { file } = present(compiled.plan.kernels[1], 'a kernel');
  const text = present(compiled.texts[file], file).replace('const unsigned', 'no_such_function();\n  const unsigned');
  const texts = { ...compiled.texts, [file]: text };
  const failure = await failureOf(() => device.load(compiled.plan, texts, { fromFiles: true }));
  assert.match(words(failure), /^\[kernel-refused\].*no_such_function/);
  const { span } = present(failure.diagnostics[0], 'a diagnostic');
  const line = text.slice(0, span?.start).split('\n').length;
  assert.is(line, text.slice(0, text.indexOf('no_such_function')).split('\n').length);
  assert.match(words(await failureOf(() => device.load(compiled.plan, texts))), '[kernel-defect]');
});

test('without a compiler, PTX of the same kernels is loaded as one module', async () => {
  const sources = compiled.plan.kernels.map(({ file, entryPoint }) => ({
    file,
    text: present(compiled.texts[file], file),
    entryPoint,
  }));
  const nowhere = join(temporaryFolder(), 'libnvrtc.so');
  const nvcc = usableNvcc();
  const ptx = await withVariables({ TFM_LIBNVRTC: nowhere }, () =>
    nvcc === undefined ? Promise.resolve(undefined) : ptxOf(sources),
  );
  if (ptx === undefined) return;
  for (const k of sources.keys()) assert.match(ptx, `.visible .entry kernel_${k}(`);
  await withVariables({ TFM_LIBNVRTC: nowhere, TFM_NVCC: nowhere }, async () => {
    const bare = await openCuda();
    fake.calls();
    (await bare.load(compiled.plan, { ...compiled.texts, [PTX_FILE]: ptx })).release();
    const calls = fake.calls();
    assert.is(calls.filter((c) => c === 'cuModuleLoadData').length, 1);
    assert.is(calls.filter((c) => c === 'cuModuleGetFunction').length, sources.length);
    const other = { ...compiled.texts, [PTX_FILE]: ptx, [present(sources[0], 'a kernel').file]: '// edited' };
    assert.match(words(await failureOf(() => bare.load(compiled.plan, other))), '[ptx-differs]');
    assert.match(words(await failureOf(() => bare.load(compiled.plan, compiled.texts))), '[compiler-missing]');
    bare.close();
  });
});

test('an error of the device has its name in CUDA, and stays', async () => {
  await loaded(async (plan) => {
    await withVariables({ FAKE_CUDA_FAIL: 'cuGraphLaunch=700' }, async () => {
      const failure = await failureOf(() => plan.run('micro', SCALARS));
      assert.match(
        words(failure),
        '[cuda-error] CUDA reports CUDA_ERROR_ILLEGAL_ADDRESS (what it means) from cuGraphLaunch',
      );
      assert.is(failure.exitCode, 3);
      assert.match(words(await failureOf(() => plan.finish())), '[cuda-error]');
    });
  });
});

test('an error of a kernel that was queued names the program in which it was', async () => {
  await loaded(async (plan) => {
    const runs = ['micro', 'micro', 'update'].map((program) => ({ program, scalars: SCALARS, inputs: [] }));
    const { steps } = present(compiled.plan.programs.micro, 'a program');
    for (const [fault, program] of [
      [0, "'micro' of micro-batch 1 of 2"],
      [steps.length, "'micro' of micro-batch 2 of 2"],
      [2 * steps.length + 1, "'update'"],
    ] as const) {
      await withVariables({ FAKE_CUDA_FAULT: `${fault}` }, async () => {
        plan.runAll(runs);
        const failure = await failureOf(() => plan.finish());
        assert.match(words(failure), /\[cuda-error\] CUDA reports CUDA_ERROR_ILLEGAL_ADDRESS/);
        assert.ok(words(failure).endsWith(`; the program that the GPU began last is ${program}`), words(failure));
      });
      await plan.finish();
    }
  });
});

test('step by step, an error names its kernel and the lines of the spec', async () => {
  await withVariables({ TFM_CUDA_STEPS: '1' }, () =>
    loaded(async (plan) => {
      await withVariables({ FAKE_CUDA_FAIL: 'cuLaunchKernel=700' }, async () => {
        const failure = await failureOf(() => plan.run('micro', SCALARS));
        assert.match(words(failure), /from cuLaunchKernel, of the kernel 'kernels\/[\w.]+' of .*test\.tfm:\d/);
      });
    }),
  );
});

test('what does not fit the memory is said, and what was taken is given back', async () => {
  const segments = [...compiled.plan.segments, { name: 'huge', role: 'inputs' as const, bytes: 2 ** 30 + 4 }];
  fake.calls();
  const failure = await failureOf(() => device.load({ ...compiled.plan, segments }, compiled.texts));
  assert.match(words(failure), "[device-memory] the device has no memory for segment 'huge'");
  assert.is(failure.exitCode, 4);
  const calls = fake.calls();
  const count = (name: string): number => calls.filter((c) => c === name).length;
  assert.is(count('cuMemFree_v2'), count('cuMemAlloc_v2') - 1);
});

test('a machine without a GPU, and a GPU that is too old, are told', async () => {
  const open = (values: Readonly<Record<string, string>>): Promise<Failure> =>
    withVariables(values, () => failureOf((): Promise<Device> => openCuda()));
  assert.match(words(await open({ FAKE_CUDA_NO_DEVICE: '1' })), '[cuda-missing]');
  assert.match(words(await open({ FAKE_CUDA_OLD: '1' })), /\[cuda-too-old\].*'Fake GPU' has compute capability 7/);
});

test('a training that an error ends goes on from its checkpoint, to the same numbers', async () => {
  const lines = [
    'data = text("*.txt", tokenizer = bytes)',
    'batch = 4; micro = 2; time = 5; steps = 6; lr = 1e-2; save_every = 2',
  ];
  const spec = SPEC.replace('vocab: axis = 8', 'vocab: axis = 256').replace(
    /train Bigram.*/,
    `train Bigram() { ${lines.join('; ')} }`,
  );
  const folder = temporaryFolder({
    'bigram.tfm': spec,
    'text.txt': 'to be or not to be, that is the question. '.repeat(9),
  });
  const train = async (run: string, ...more: readonly string[]) => {
    const device = ['--device', 'cuda', '--out', join(folder, run), '--json'];
    return runMain('train', join(folder, 'bigram.tfm'), ...device, ...more);
  };
  const whole = await train('whole');
  assert.is(whole.exit, 0, whole.err);
  // A kernel of the fourth step.
  const ended = await withVariables({ FAKE_CUDA_FAULT: '40' }, () => train('ended'));
  assert.is(ended.exit, 3);
  assert.match(ended.out, /"cuda-error".*CUDA_ERROR_ILLEGAL_ADDRESS.*began last is '.*--resume/s);
  assert.equal(readdirSync(join(folder, 'ended', 'checkpoints')), ['latest', 'step-2']);
  const resumed = await train('ended', '--resume');
  assert.is(resumed.exit, 0, resumed.err);
  const loss = ({ out }: { readonly out: string }): unknown => JSON.parse(out).loss;
  assert.type(loss(whole), 'number');
  assert.is(loss(resumed), loss(whole));
});

test('without a driver there is one clear message, and exit code 3', () => {
  const nowhere = join(temporaryFolder(), 'libcuda.so');
  const run = (...args: readonly string[]) =>
    spawnSync(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', ...args], {
      encoding: 'utf8',
      env: { ...process.env, TFM_LIBCUDA: nowhere, TFM_LIBNVRTC: nowhere },
    });
  const { status, stderr } = run('train', 'examples/llama.tfm', '--device', 'cuda', '--out', temporaryFolder());
  assert.is(status, 3, stderr);
  assert.match(stderr, '[cuda-missing]');
  assert.match(stderr, nowhere);
  const doctor = run('doctor');
  assert.match(doctor.stdout, `looked for as ${nowhere}`);
  assert.match(doctor.stdout, /^libnvrtc +none/m);
});

test('what is closed gives all back', () => {
  fake.calls();
  device.close();
  const calls = fake.calls();
  for (const name of [
    'cuMemFreeHost',
    'cuEventDestroy_v2',
    'cuModuleUnload',
    'cuStreamDestroy_v2',
    'cuDevicePrimaryCtxRelease_v2',
  ])
    assert.ok(calls.includes(name), name);
});

test.run();
