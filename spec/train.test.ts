import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { EXIT, Failure } from '../src/compiler/diagnostics/diagnostic.ts';
import { NO_TILES } from '../src/compiler/ir/tiling.ts';
import type { TrainConfig } from '../src/compiler/ir/train.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { loadLatestCheckpoint } from '../src/runtime/checkpoint/load.ts';
import { type Files, nodeFiles } from '../src/runtime/files.ts';
import { loadWeights } from '../src/runtime/load-weights.ts';
import { readWeights } from '../src/runtime/plan-io.ts';
import { createRunFolder } from '../src/runtime/run-folder.ts';
import { crc32c } from '../src/runtime/tfevents.ts';
import { train } from '../src/runtime/train.ts';
import type { TrainEvent } from '../src/runtime/train-event.ts';
import { bigramJob, CONFIG, openRun, TEXT } from './support/bigram-job.ts';
import { failsWith, rejectsWith } from './support/failures.ts';
import type { FakeOptions } from './support/fake-plan.ts';
import { faultyFiles } from './support/faulty-files.ts';
import { temporaryFolder } from './support/temporary.ts';

const text = () => temporaryFolder({ 'a.txt': TEXT });

const trainHere = async (folder: string, config: TrainConfig = CONFIG, options: Partial<FakeOptions> = {}) => {
  const events: TrainEvent[] = [];
  const job = bigramJob(folder, config, options);
  const result = await train({ ...job, run: undefined, resume: false, observe: (e) => events.push(e) });
  const weights = await readWeights(job.loaded, 'weights', job.loaded.plan.weights);
  return { result, events, table: [...present(weights.get('table'), 'table')] };
};

const trainInto = async (path: string, folder: string, resume: boolean, stopAt = 1e9, config = CONFIG) => {
  const run = openRun(path, resume, config);
  let step = 0;
  try {
    return await train({
      ...bigramJob(folder, config),
      run,
      resume,
      observe: (e) => {
        if (e.kind === 'step') step = e.step;
      },
      stop: { signal: () => (step >= stopAt ? 'SIGINT' : undefined) },
    });
  } finally {
    run.close();
  }
};

const finalWeights = (path: string): string =>
  present(loadLatestCheckpoint(nodeFiles, join(path, 'checkpoints')), 'c').path;
const weightBytes = (path: string) => readFileSync(join(finalWeights(path), 'weights.safetensors'));
const momentBytes = (path: string) => readFileSync(join(finalWeights(path), 'optimizer.safetensors'));

test('training lowers the loss, validates, probes, and is the same each time', async () => {
  const folder = text();
  const { result, events, table } = await trainHere(folder, { ...CONFIG, steps: 60 });
  const losses = events.flatMap((e) => (e.kind === 'step' ? [e.loss] : []));
  assert.is(losses.length, 60);
  assert.ok((losses[0] ?? 0) > 4 && (losses[59] ?? 9) < 3, `${losses[0]} ${losses[59]}`);
  assert.is(result.step, 60);
  const validations = events.flatMap((e) => (e.kind === 'validation' ? [e] : []));
  assert.is(validations.length, 12);
  const last = present(validations.at(-1), 'validation');
  assert.ok(Math.abs(last.perplexity - Math.exp(last.loss)) < 1e-9);
  assert.ok(Math.abs((last.bitsPerByte ?? 0) - last.loss / Math.LN2) < 1e-9);
  assert.is(last.tokens, Math.floor(Math.floor((TEXT.length * 0.2) / 8) / 4) * 32);
  const probe = present(
    events.find((e) => e.kind === 'probe'),
    'probe',
  );
  assert.equal(Object.keys(probe.kind === 'probe' ? probe.values : {}), ['bias', 'rows']);
  assert.equal((await trainHere(folder, { ...CONFIG, steps: 60 })).table, table);
  assert.not.equal((await trainHere(folder, { ...CONFIG, steps: 60, seed: 4 })).table, table);
});

test('a step cut into micro-batches is the same step', async () => {
  const folder = text();
  const whole = await trainHere(folder);
  const cut = await trainHere(folder, { ...CONFIG, micro: 1 });
  const apart = whole.table.map((w, i) => Math.abs(w - (cut.table[i] ?? 0)));
  assert.ok(Math.max(...apart) < 1e-3, `${Math.max(...apart)}`);
  const [a, b] = [whole, cut].map((r) => r.events.flatMap((e) => (e.kind === 'step' ? [e.loss] : [])));
  assert.ok(a?.every((loss, i) => Math.abs(loss - (b?.[i] ?? 0)) < 1e-4));
});

test('a share of 0 means no validation', async () => {
  const { result, events } = await trainHere(text(), { ...CONFIG, validation: { kind: 'tail', share: 0 } });
  assert.is(result.validation, undefined);
  assert.not(events.some((e) => e.kind === 'validation'));
});

test('a run leaves plain files, and resuming after a stop gives the same bits and the same log', async () => {
  const folder = text();
  const [whole, parts] = [join(temporaryFolder(), 'run'), join(temporaryFolder(), 'run')];
  await trainInto(whole, folder, false);
  const first = await trainInto(parts, folder, false, 7);
  assert.is(first.stopped, 'SIGINT');
  // When the numbers of a step come, the next one is queued.
  assert.is(first.step, 8);
  assert.ok(existsSync(join(parts, 'checkpoints', 'step-8')));
  await trainInto(parts, folder, true, 9);
  writeFileSync(
    join(parts, 'metrics.jsonl'),
    `${readFileSync(join(parts, 'metrics.jsonl'))}{"step":11,"loss":0}\n{"st`,
  );
  const last = await trainInto(parts, folder, true);
  assert.equal([last.step, last.stopped], [12, undefined]);
  assert.ok(weightBytes(whole).equals(weightBytes(parts)));
  assert.ok(momentBytes(whole).equals(momentBytes(parts)));
  const log = (path: string) =>
    readFileSync(join(path, 'metrics.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter((r) => r.kind !== 'checkpoint')
      .map((r) => JSON.stringify({ ...r, time: 0, seconds: 0 }));
  assert.equal(log(parts), log(whole));
  assert.is(log(whole).length, 6 + 3 + 2);
  const files = readdirSync(whole).map((n) => n.replace(/tfevents.*/, 'tfevents'));
  assert.equal(files.sort(), [
    'checkpoints',
    'config.json',
    'env.json',
    'events.out.tfevents',
    'metrics.jsonl',
    'model.tfm',
    'tiles.json',
  ]);
  assert.equal((await trainInto(whole, folder, true)).loss, undefined);
});

test('event files have the records that TensorBoard reads', async () => {
  assert.is(crc32c(Buffer.from('123456789')), 0xe3069283);
  const path = join(temporaryFolder(), 'run');
  await trainInto(path, text(), false);
  const name = present(
    readdirSync(path).find((n) => n.startsWith('events')),
    'events',
  );
  const bytes = readFileSync(join(path, name));
  const unmask = (crc: number): number => {
    const rotated = (crc - 0xa282ead8 + 2 ** 32) % 2 ** 32;
    return ((rotated << 15) | (rotated >>> 17)) >>> 0;
  };
  const records: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    assert.is(unmask(bytes.readUInt32LE(at + 8)), crc32c(bytes.subarray(at, at + 8)));
    const record = bytes.subarray(at + 12, at + 12 + length);
    assert.is(unmask(bytes.readUInt32LE(at + 12 + length)), crc32c(record));
    records.push(record);
    at += 16 + length;
  }
  assert.is(records.length, 2 + 6 + 3 + 2);
  assert.ok(records[0]?.includes('brain.Event:2'));
  assert.ok(records[2]?.includes('train/loss'));
  assert.ok(records.some((r) => r.includes('validation/perplexity')));
  assert.ok(records.some((r) => r.includes('probe/rows/2')));
});

test('killing the trainer at any moment loses nothing', async () => {
  const folder = text();
  const child = fileURLToPath(new URL('support/train-child.ts', import.meta.url));
  const runChild = (path: string, mode: string, killAfter: number, delay: number): Promise<boolean> =>
    new Promise((resolve, reject) => {
      const process_ = spawn(process.execPath, ['--import', 'tsx', child, folder, path, mode], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let lines = 0;
      let errors = '';
      process_.stdout.on('data', (chunk: Buffer) => {
        lines += chunk.toString().split('\n').length - 1;
        if (lines >= killAfter) setTimeout(() => process_.kill('SIGKILL'), delay);
      });
      process_.stderr.on('data', (chunk: Buffer) => {
        errors += chunk;
      });
      process_.on('close', (code, signal) => {
        if (code === 0 || signal === 'SIGKILL') resolve(code === 0);
        else reject(new Error(errors));
      });
    });
  const [whole, killed] = [join(temporaryFolder(), 'run'), join(temporaryFolder(), 'run')];
  const uninterrupted = runChild(whole, 'new', 1e9, 0);
  await runChild(killed, 'new', 1, 0);
  let done = false;
  for (let round = 0; !done && round < 20; round += 1) {
    done = await runChild(killed, 'resume', round < 4 ? 10 + 7 * round : 1e9, round * 1.3);
  }
  assert.ok(await uninterrupted);
  assert.ok(done);
  assert.ok(weightBytes(whole).equals(weightBytes(killed)));
  assert.ok(momentBytes(whole).equals(momentBytes(killed)));
});

test('a gradient that is not finite stops the run in its step, names the weight, and spoils nothing', async () => {
  const folder = text();
  const path = join(temporaryFolder(), 'run');
  const run = openRun(path, false);
  const job = bigramJob(folder, CONFIG, { fault: { step: 9, weight: 'bias' } });
  const message = await rejectsWith('diverged', EXIT.diverged, train({ ...job, run, resume: false }));
  run.close();
  assert.match(message, /at step 10: the gradient of 'bias' is not finite/);
  assert.match(finalWeights(path), /step-8$/);
  const weights = await readWeights(job.loaded, 'weights', job.loaded.plan.weights);
  assert.ok([...weights.values()].every((w) => w.every(Number.isFinite)));
});

test('a lost device ends the run with its failure', async () => {
  const lost = new Failure([{ code: 'device-lost', severity: 'error', message: 'gone', labels: [] }], EXIT.environment);
  const job = bigramJob(text());
  const hung = { ...job.loaded, read: () => new Promise<ArrayBuffer>(() => {}) };
  const run = train({ ...job, loaded: hung, run: undefined, resume: false, lost: Promise.reject(lost) });
  await rejectsWith('device-lost', EXIT.environment, run);
});

test('data that does not fit the model is refused before the first step', async () => {
  const fails = (code: string, files: Readonly<Record<string, string>>, config = CONFIG, options = {}) =>
    rejectsWith(code, EXIT.data, trainHere(temporaryFolder(files), config, options));
  await fails('data-too-short', { 'a.txt': 'x'.repeat(40) });
  await fails('validation-too-short', { 'a.txt': 'x'.repeat(140) });
  await fails('token-outside-vocabulary', { 'a.txt': TEXT }, CONFIG, { vocab: 100 });
});

test('a resumed run must have the settings and the data that it began with', async () => {
  const folder = text();
  const path = join(temporaryFolder(), 'run');
  await trainInto(path, folder, false, 5);
  failsWith('run-exists', EXIT.input, () => openRun(path, false));
  const message = failsWith('resume-differs', EXIT.input, () => openRun(path, true, { ...CONFIG, seed: 9, steps: 20 }));
  assert.match(message, /other settings: seed$/);
  failsWith('run-missing', EXIT.data, () => openRun(temporaryFolder(), true));
  await rejectsWith('data-changed', EXIT.data, trainInto(path, temporaryFolder({ 'a.txt': `${TEXT}more` }), true));
  truncateSync(join(path, 'checkpoints', 'step-4', 'MANIFEST.json'), 5);
  truncateSync(join(path, 'checkpoints', 'step-5', 'MANIFEST.json'), 5);
  await rejectsWith('no-checkpoint', EXIT.data, trainInto(path, folder, true));
});

test('weights come from a run, a checkpoint or a file, and must be those of the model', async () => {
  const folder = text();
  const path = join(temporaryFolder(), 'run');
  await trainInto(path, folder, false);
  const { loaded } = bigramJob(folder);
  assert.is(loadWeights(loaded, nodeFiles, path).step, 12);
  const table = (await readWeights(loaded, 'weights', loaded.plan.weights)).get('table');
  const checkpoint = join(path, 'checkpoints', 'step-8');
  assert.is(loadWeights(loaded, nodeFiles, checkpoint).step, 8);
  loadWeights(loaded, nodeFiles, join(path, 'checkpoints', 'step-12', 'weights.safetensors'));
  assert.equal((await readWeights(loaded, 'weights', loaded.plan.weights)).get('table'), table);
  const other = bigramJob(folder, CONFIG, { vocab: 130 }).loaded;
  const message = failsWith('checkpoint-foreign', EXIT.data, () => loadWeights(other, nodeFiles, path));
  assert.match(message, /'table' is \[128, 128\], and the model has \[130, 130\]\n {2}- 'bias'/);
  truncateSync(join(checkpoint, 'weights.safetensors'), 20);
  failsWith('checkpoint-corrupt', EXIT.data, () => loadWeights(loaded, nodeFiles, checkpoint));
  failsWith('data-unreadable', EXIT.data, () => loadWeights(loaded, nodeFiles, join(path, 'none')));
  failsWith('tensor-file-malformed', EXIT.data, () => loadWeights(loaded, nodeFiles, join(folder, 'a.txt')));
});

test('a folder that cannot be written is refused with the reason', () => {
  const failing = (code: string): Files => ({
    ...nodeFiles,
    makeFolder: () => {
      throw Object.assign(new Error(code), { code });
    },
  });
  const open = (code: string) => () =>
    createRunFolder(failing(code), '/run', { config: CONFIG, spec: undefined, environment: {}, tiles: NO_TILES });
  assert.is(
    failsWith('not-writable', EXIT.environment, open('EROFS')),
    "'/run' cannot be written: the file system is read-only",
  );
  failsWith('not-writable', EXIT.environment, open('EACCES'));
  failsWith('file-error', EXIT.environment, open('EIO'));
});

test('a run that dies while its folder is made can be resumed', () => {
  for (let at = 1; ; at += 1) {
    const path = join(temporaryFolder(), 'run');
    const { files, calls } = faultyFiles(at, 'crash');
    try {
      createRunFolder(files, path, {
        config: CONFIG,
        spec: { 'model.tfm': 'model' },
        environment: {},
        tiles: NO_TILES,
      });
    } catch (error) {
      assert.instance(error, Failure);
    }
    // The dead process would not hold its lock.
    rmSync(join(path, 'lock'), { force: true });
    if (existsSync(path)) openRun(path, true).close();
    if (calls() < at) {
      assert.ok(at > 15, `only ${at} calls`);
      break;
    }
  }
});

test('a disk that fills up ends the run and leaves the last checkpoint', async () => {
  const folder = text();
  const path = join(temporaryFolder(), 'run');
  const run = openRun(path, false);
  let saves = 0;
  const files = {
    ...run.files,
    freeBytes: () => {
      saves += 1;
      return saves > 1 ? 0 : 1e12;
    },
  };
  const job = { ...bigramJob(folder), run: { ...run, files }, resume: false };
  await rejectsWith('disk-full', EXIT.environment, train(job));
  run.close();
  assert.match(finalWeights(path), /step-4$/);
});

test('a learning rate that is not finite is refused with its step', async () => {
  const lr: TrainConfig['lr'] = { kind: 'apply', fn: 'rsqrt', args: [{ kind: 'step' }] };
  assert.match(await rejectsWith('lr-not-finite', EXIT.input, trainHere(text(), { ...CONFIG, lr })), /at step 1/);
});

test.run();
