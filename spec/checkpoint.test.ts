import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../src/compiler/diagnostics/diagnostic.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { loadLatestCheckpoint } from '../src/runtime/checkpoint/load.ts';
import { lockFolder } from '../src/runtime/checkpoint/lock.ts';
import { type Checkpoint, saveCheckpoint } from '../src/runtime/checkpoint/save.ts';
import { type Files, nodeFiles } from '../src/runtime/files.ts';
import { floatsOf, floatTensor } from '../src/runtime/tensor-values.ts';
import { failsWith } from './support/failures.ts';
import { type Fault, faultyFiles } from './support/faulty-files.ts';
import { temporaryFolder } from './support/temporary.ts';

const checkpoint = (step: number): Checkpoint => ({
  state: { step, position: step * 4, seed: 7, config: 'c', kernels: 'k', data: 'd', code: '0' },
  weights: new Map([['w', floatTensor(Float32Array.of(step, 2, 3), [3])]]),
  optimizer: new Map([['moment1.w', floatTensor(Float32Array.of(0, 0, step), [3])]]),
});
const quick: Files = { ...nodeFiles, fsync: () => {} };
const save = (folder: string, step: number, keep = 2, files = quick) =>
  saveCheckpoint(checkpoint(step), { files, folder, keep });
const load = (folder: string) => loadLatestCheckpoint(nodeFiles, folder);

test('a checkpoint comes back as it was, and only the newest are kept', () => {
  const folder = temporaryFolder();
  for (const step of [5, 10, 100]) save(folder, step);
  assert.equal(readdirSync(folder).sort(), ['latest', 'step-10', 'step-100']);
  assert.is(readFileSync(join(folder, 'latest'), 'utf8'), 'step-100\n');
  const loaded = load(folder);
  assert.equal(loaded.state, checkpoint(100).state);
  assert.equal([...floatsOf(present(loaded.weights.get('w'), 'w'))], [100, 2, 3]);
  assert.equal([...floatsOf(present(loaded.optimizer.get('moment1.w'), 'm'))], [0, 0, 100]);
  assert.equal(loaded.skipped, []);
});

test('damage of any byte or length is noticed, and the one before is taken', () => {
  const folder = temporaryFolder();
  save(folder, 1);
  const path = save(folder, 2);
  for (const name of ['MANIFEST.json', 'weights.safetensors', 'optimizer.safetensors']) {
    const file = join(path, name);
    const whole = readFileSync(file);
    for (let at = 0; at < whole.length; at += 7) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8));
      writeFileSync(file, damaged);
      assert.is(load(folder).state.step, 1, `${name} byte ${at}`);
      truncateSync(file, at);
      assert.is(load(folder).state.step, 1, `${name} length ${at}`);
    }
    writeFileSync(file, whole);
  }
  assert.is(load(folder).state.step, 2);
  truncateSync(join(path, 'weights.safetensors'), 9);
  assert.equal(load(folder).skipped, ["step-2: 'weights.safetensors' has 9 bytes, not 76"]);
});

test('a folder without a usable checkpoint is refused, and one under a false name is skipped', () => {
  const folder = temporaryFolder();
  failsWith('no-checkpoint', 5, () => load(folder));
  failsWith('no-checkpoint', 5, () => load(join(folder, 'none')));
  renameSync(save(folder, 3), join(folder, 'step-9'));
  assert.match(
    failsWith('no-checkpoint', 5, () => load(folder)),
    /step-9: it is of another step/,
  );
});

test('saving again after a resume removes the damaged future', () => {
  const folder = temporaryFolder();
  save(folder, 1);
  truncateSync(join(save(folder, 5), 'MANIFEST.json'), 3);
  save(folder, 3, 1);
  assert.equal(readdirSync(folder).sort(), ['latest', 'step-3']);
  truncateSync(join(folder, 'step-3', 'MANIFEST.json'), 3);
  save(folder, 3, 1);
  assert.is(load(folder).state.step, 3);
});

test('whatever call fails while saving, the old or the new checkpoint is there, whole', () => {
  for (const fault of ['EIO', 'ENOSPC', 'crash'] as const satisfies readonly Fault[]) {
    for (let at = 1; ; at += 1) {
      const folder = temporaryFolder();
      save(folder, 1);
      const { files, calls } = faultyFiles(at, fault);
      try {
        save(folder, 2, 1, files);
      } catch (error) {
        assert.instance(error, Failure, `${fault} ${at}: ${error}`);
      }
      const { state, skipped } = load(folder);
      assert.ok(state.step === 1 || state.step === 2);
      assert.equal(skipped, [], `half a checkpoint after ${fault} ${at}`);
      save(folder, 2, 1);
      assert.equal(readdirSync(folder).sort(), ['latest', 'step-2'], `leftovers after ${fault} ${at}`);
      if (calls() < at) {
        assert.ok(at > 30, `only ${at} calls`);
        break;
      }
    }
  }
});

test('a full disk is noticed before anything is written', () => {
  const folder = temporaryFolder();
  save(folder, 1);
  const message = failsWith('disk-full', 3, () => save(folder, 2, 2, { ...nodeFiles, freeBytes: () => 100 }));
  assert.match(message, /free/);
  assert.equal(readdirSync(folder).sort(), ['latest', 'step-1']);
});

test('a lock keeps others out, and that of a dead process does not', () => {
  const folder = temporaryFolder();
  const lock = lockFolder(nodeFiles, folder);
  assert.match(
    failsWith('run-locked', 3, () => lockFolder(nodeFiles, folder)),
    new RegExp(`process ${process.pid}`),
  );
  lock.release();
  assert.not(existsSync(join(folder, 'lock')));
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  writeFileSync(join(folder, 'lock'), JSON.stringify({ pid, host: hostname(), started: '1' }));
  lockFolder(nodeFiles, folder).release();
  writeFileSync(join(folder, 'lock'), JSON.stringify({ pid: process.pid, host: hostname(), started: 'earlier' }));
  lockFolder(nodeFiles, folder).release();
  writeFileSync(join(folder, 'lock'), '');
  lockFolder(nodeFiles, folder).release();
  writeFileSync(join(folder, 'lock'), JSON.stringify({ pid: 1, host: 'another', started: '' }));
  failsWith('run-locked', 3, () => lockFolder(nodeFiles, folder));
});

test.run();
