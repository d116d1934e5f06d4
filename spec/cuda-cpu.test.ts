/**
 * The processor as a CUDA device: threads in turns, barriers, shuffles and shared memory, and what is found that a GPU would hide.
 * What it cannot show is said in `support/devices.ts`.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { libraryText } from '../src/backends/cuda/cpu/library-text.ts';
import { openCudaCpu } from '../src/backends/cuda/device.ts';
import { findProgram } from '../src/backends/cuda/find-program.ts';
import { Failure } from '../src/compiler/diagnostics/diagnostic.ts';
import type { Expr, Kernel, Statement } from '../src/compiler/ir/kernel.ts';
import { add, binary, builtin, cast, f32, load, local, lt, mod, select, u32 } from '../src/compiler/ir/kernel-expr.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { tour } from './support/sample-kernels.ts';
import { skipFile } from './support/skip.ts';
import { temporaryFolder } from './support/temporary.ts';
import { eachElement, runOnce, store, tinyPlan } from './support/tiny-plan.ts';

if (findProgram('g++') === undefined) skipFile('there is no g++ on this machine');

const cache = temporaryFolder();
process.env.XDG_CACHE_HOME = cache;
const device = await openCudaCpu();

const lane = builtin('local');
const shared = (index: Expr): Expr => ({ kind: 'load_shared', type: 'f32', array: 'tile', index });
const put = (index: Expr, value: Expr): Statement => ({ kind: 'store_shared', array: 'tile', index, value });
const BARRIER: Statement = { kind: 'barrier' };

/** A kernel of two workgroups with 96 floats of shared memory. */
function block(threads: number, body: readonly Statement[]): Kernel {
  const kernel = eachElement('block', 2 * threads, [{ name: 'out', type: 'f32', access: 'read_write' }], []);
  const shares = [{ name: 'tile', type: 'f32' as const, elements: 96 }];
  const at: Statement = { kind: 'let', name: 'i', value: add(binary('mul', builtin('group'), u32(threads)), lane) };
  return { ...kernel, workgroup: threads, groups: 2, shared: shares, features: ['subgroups'], body: [at, ...body] };
}

async function run(kernel: Kernel): Promise<readonly number[]> {
  return [...new Float32Array(await runOnce(device, kernel, []))];
}

test('what a thread writes to shared memory the others see after a barrier', async () => {
  const threads = 96;
  const found = await run(
    block(threads, [
      put(lane, cast('f32', local('i', 'u32'))),
      BARRIER,
      store('out', shared(mod(add(lane, u32(33)), u32(threads)))),
    ]),
  );
  assert.equal(
    found,
    Array.from({ length: 2 * threads }, (_, i) => Math.floor(i / threads) * threads + (((i % threads) + 33) % threads)),
  );
});

test('a shuffle takes the value of a lane, in loops too', async () => {
  const found = await run(
    block(32, [
      { kind: 'var', name: 'sum', type: 'f32', value: f32(0) },
      {
        kind: 'for',
        name: 'k',
        from: u32(0),
        to: u32(5),
        step: u32(1),
        body: [
          {
            kind: 'shuffle',
            name: 'other',
            value: cast('f32', local('i', 'u32')),
            lane: mod(add(lane, local('k', 'u32')), u32(32)),
          },
          { kind: 'assign', name: 'sum', value: add(local('sum', 'f32'), local('other', 'f32')) },
        ],
      },
      store('out', local('sum', 'f32')),
    ]),
  );
  const sum = (i: number): number =>
    [0, 1, 2, 3, 4].reduce((s, k) => s + Math.floor(i / 32) * 32 + (((i % 32) + k) % 32), 0);
  assert.equal(
    found,
    Array.from({ length: 64 }, (_, i) => sum(i)),
  );
});

test('shared memory that nothing has written is NaN, in every block', async () => {
  const found = await run(
    block(64, [
      { kind: 'if', condition: lt(lane, u32(32)), then: [put(lane, f32(7))], else: [] },
      BARRIER,
      store('out', shared(lane)),
    ]),
  );
  found.forEach((value, i) => {
    assert.ok(i % 64 < 32 ? value === 7 : Number.isNaN(value), `${i}: ${value}`);
  });
});

test('threads that part at a barrier are found', async () => {
  const half: Statement = { kind: 'if', condition: lt(lane, u32(40)), then: [BARRIER], else: [] };
  await run(block(64, [half, store('out', f32(1))])).then(
    () => assert.unreachable('it ran'),
    (error: unknown) => assert.match(String(error), /kernels\/block\.cu.*threads part/),
  );
  // What was left in the middle does not disturb what comes after.
  assert.equal(await run(block(64, [BARRIER, store('out', f32(2))])), Array(128).fill(2));
});

test('a shuffle from a lane that is not there is found', async () => {
  const far: Statement = { kind: 'shuffle', name: 'far', value: f32(1), lane: u32(32) };
  await run(block(32, [far, store('out', local('far', 'f32'))])).then(
    () => assert.unreachable('it ran'),
    (error: unknown) => assert.match(String(error), /lane that is not there/),
  );
});

test('a kernel that is no program is refused at its place', async () => {
  const { plan, texts } = tinyPlan(
    [],
    (table) => {
      table.add(tour(), []);
      table.add({ ...tour(), name: 'other', workgroup: 64 }, []);
      return {};
    },
    'cuda',
  );
  const file = present(plan.kernels[1], 'a kernel').file;
  const broken = { ...texts, [file]: present(texts[file], file).replace('sqrtf(', 'sqrf(') };
  for (const [fromFiles, code] of [
    [false, 'kernel-defect'],
    [true, 'kernel-refused'],
  ] as const) {
    const error = await device.load(plan, broken, { fromFiles }).then(
      () => undefined,
      (e: unknown) => e,
    );
    assert.instance(error, Failure);
    const [diagnostic] = error instanceof Failure ? error.diagnostics : [];
    assert.is(diagnostic?.code, code);
    assert.match(diagnostic?.message ?? '', /sqrf/);
    const { span } = present(diagnostic, 'a diagnostic');
    assert.is(span?.source.text.slice(span.start, span.start + 4), 'sqrf');
  }
});

test('libraries are kept in a folder of the user alone, and found again', async () => {
  const folder = join(cache, 'tfm', 'cuda-cpu');
  assert.is(statSync(folder).mode & 0o777, 0o700);
  const before = readdirSync(folder);
  assert.ok(before.every((name) => /^[0-9a-f]{64}\.so$/.test(name)));
  const kernel = block(64, [store('out', select(lt(lane, u32(3)), f32(1), load('out', 'f32', lane)))]);
  await run(kernel);
  const after = readdirSync(folder);
  assert.is(after.length, before.length + 1);
  await run(kernel);
  assert.equal(readdirSync(folder), after);
});

test('a library that others could have put there is not loaded', async () => {
  const folder = join(cache, 'tfm', 'cuda-cpu');
  const kernel = block(64, [store('out', f32(11))]);
  const before = new Set(readdirSync(folder));
  await run(kernel);
  const made = present(
    readdirSync(folder).find((name) => !before.has(name)),
    'a library',
  );
  const path = join(folder, made);
  const planted = (): void => {
    rmSync(path);
    writeFileSync(path, 'no library');
  };
  for (const plant of [
    () => {
      planted();
      chmodSync(path, 0o666);
    },
    () => {
      planted();
      renameSync(path, join(cache, made));
      symlinkSync(join(cache, made), path);
    },
    // Only root can give a file away.
    ...(process.getuid?.() === 0
      ? [
          () => {
            planted();
            chmodSync(path, 0o700);
            chownSync(path, 12_345, 12_345);
          },
        ]
      : []),
  ]) {
    plant();
    assert.equal(await run(kernel), Array(128).fill(11));
    assert.is(lstatSync(path).mode & 0o777, 0o700);
    assert.not.equal(readFileSync(path, 'latin1'), 'no library');
  }
});

test('a cache that cannot be is no hindrance', async () => {
  process.env.XDG_CACHE_HOME = join(temporaryFolder({ file: '' }), 'file');
  try {
    assert.equal(await run(block(64, [store('out', f32(9))])), Array(128).fill(9));
  } finally {
    process.env.XDG_CACHE_HOME = cache;
  }
});

test('the text of a kernel is compiled as it is', () => {
  const source = { file: 'kernels/a.cu', text: '// one\n', entryPoint: 'kernel' };
  assert.match(libraryText([source]), '#line 1 "kernels/a.cu"\n// one\n');
});

test('without a compiler there is one clear message, and exit code 3', () => {
  const run = spawnSync(
    process.execPath,
    [
      '--import',
      'tsx',
      'src/cli/main.ts',
      'train',
      'examples/llama.tfm',
      '--device',
      'cuda-cpu',
      '--out',
      join(cache, 'run'),
    ],
    { encoding: 'utf8', env: { ...process.env, PATH: cache } },
  );
  assert.is(run.status, 3, run.stderr);
  assert.match(run.stderr, '[compiler-missing]');
  assert.match(run.stderr, join(cache, 'g++'));
});

test.after(() => device.close());
test.run();
