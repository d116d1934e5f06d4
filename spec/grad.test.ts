import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { EXIT } from '../src/compiler/diagnostics/diagnostic.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { nodeFiles } from '../src/runtime/files.ts';
import { computeGradients } from '../src/runtime/grad.ts';
import { checkBatch, readBatch } from '../src/runtime/read-batch.ts';
import { parseSafetensors, safetensorsChunks, type Tensor, type TensorFile } from '../src/runtime/safetensors.ts';
import { floatTensor, intTensor, numbersOf } from '../src/runtime/tensor-values.ts';
import { readNameMap } from '../src/runtime/weights-file.ts';
import { writeTensorFile } from '../src/runtime/write-tensor-file.ts';
import { CONFIG } from './support/bigram-job.ts';
import { failsWith, rejectsWith } from './support/failures.ts';
import { loadFakePlan } from './support/fake-plan.ts';
import { temporaryFolder } from './support/temporary.ts';

const VOCAB = 6;
const never = new Promise<never>(() => {});
const file = (tensors: Readonly<Record<string, Tensor>>): TensorFile => ({
  tensors: new Map(Object.entries(tensors)),
  metadata: {},
});
const table = Float32Array.from({ length: VOCAB * VOCAB }, (_, i) => Math.sin(i));
const weights = file({
  't.weight': floatTensor(table, [2, 3, VOCAB]),
  bias: floatTensor(new Float32Array(VOCAB), [VOCAB]),
  frozen: floatTensor(new Float32Array(3), [3]),
});
const names = new Map([['table', 't.weight']]);
const batch = {
  rows: 2,
  time: 3,
  tokens: Int32Array.of(0, 1, 2, 3, 4, 5),
  targets: Int32Array.of(1, 2, 3, 4, 5, 0),
};

const grad = (accumulation: number, steps: number, given = weights) =>
  computeGradients({
    loaded: loadFakePlan({ vocab: VOCAB, time: 3, rows: 2 / accumulation, accumulation, optimizer: CONFIG.optimizer }),
    lost: never,
    config: CONFIG,
    weights: given,
    weightsPath: 'w.safetensors',
    batch,
    names,
    steps,
  });

const get = (result: TensorFile, name: string) => [...numbersOf(present(result.tensors.get(name), name))];

/** The mean loss of the batch, computed anew. */
const lossAt = (w: ArrayLike<number>): number => {
  const losses = Array.from(batch.tokens, (token, i) => {
    const row = Array.from(w).slice(token * VOCAB, (token + 1) * VOCAB);
    return Math.log(row.reduce((s, x) => s + Math.exp(x), 0)) - (row[batch.targets[i] ?? 0] ?? 0);
  });
  return losses.reduce((a, b) => a + b, 0) / losses.length;
};

test('gradients, their norm, logits and steps come out under the names and shapes of the file', async () => {
  const result = await grad(1, 3);
  assert.equal([...result.tensors.keys()].sort(), [
    'grad.bias',
    'grad.t.weight',
    'grad_norm',
    'logits',
    'loss',
    'losses',
  ]);
  const gradient = present(result.tensors.get('grad.t.weight'), 'gradient');
  assert.equal(gradient.shape, [2, 3, VOCAB]);
  assert.equal(result.tensors.get('logits')?.shape, [2, 3, VOCAB]);
  const [loss = 0] = get(result, 'loss');
  assert.ok(Math.abs(loss - lossAt(table)) < 1e-6);
  numbersOf(gradient).forEach((g, i) => {
    const moved = [1e-3, -1e-3].map((d) => lossAt(Array.from(table, (x, k) => (k === i ? x + d : x))));
    assert.ok(Math.abs(((moved[0] ?? 0) - (moved[1] ?? 0)) / 2e-3 - g) < 1e-5, `element ${i}`);
  });
  const squares = [...get(result, 'grad.t.weight'), ...get(result, 'grad.bias')].reduce((s, g) => s + g * g, 0);
  assert.ok(Math.abs((get(result, 'grad_norm')[0] ?? 0) - Math.sqrt(squares)) < 1e-6);
  const losses = get(result, 'losses');
  assert.is(losses.length, 3);
  assert.ok((losses[0] ?? 9) < loss && (losses[2] ?? 9) < (losses[1] ?? 0));
  assert.is(result.metadata.kernels, '{}');
});

test('micro-batches give the same gradients', async () => {
  const [whole, cut] = [await grad(1, 2), await grad(2, 2)];
  for (const name of ['loss', 'grad.t.weight', 'grad_norm', 'losses', 'logits']) {
    get(whole, name).forEach((x, i) => {
      assert.ok(Math.abs(x - (get(cut, name)[i] ?? 9)) < 1e-5, name);
    });
  }
});

test('weights that do not fit are all listed in one error', async () => {
  const bad = file({ 't.weight': floatTensor(table, [VOCAB * VOCAB]), more: floatTensor(new Float32Array(1), []) });
  const message = await rejectsWith('weights-mismatch', EXIT.data, grad(1, 0, bad));
  assert.equal(message.split('\n').slice(1), [
    "  - 'bias' [6] is missing",
    "  - 'frozen' [3] is missing",
    "  - 'more' [] is not in the model",
  ]);
});

test('files of batches and names are checked', () => {
  const folder = temporaryFolder();
  const write = (name: string, tensors: Readonly<Record<string, Tensor>>): string => {
    writeFileSync(join(folder, name), Buffer.concat(safetensorsChunks(file(tensors).tensors)));
    return join(folder, name);
  };
  const tokens = intTensor(batch.tokens, [2, 3]);
  const good = write('good', { tokens, targets: intTensor(batch.targets, [2, 3]) });
  const read = readBatch(good);
  assert.equal(read, batch);
  checkBatch(read, good, { rows: 2, time: 3, vocab: 6 });
  const fails = (work: () => unknown) => failsWith('batch-mismatch', EXIT.data, work);
  assert.match(
    fails(() => checkBatch(read, good, { rows: 3, time: 3, vocab: 6 })),
    /it is \[2, 3\], and the model was compiled for \[3, 3\]/,
  );
  assert.match(
    fails(() => checkBatch(read, good, { rows: 2, time: 3, vocab: 5 })),
    /token 5 is outside/,
  );
  const half = floatTensor(Float32Array.of(0.5, 1, 2, 3, 4, 5), [2, 3]);
  for (const [name, tensors, reason] of [
    ['lone', { tokens }, /no tensor 'targets'/],
    ['more', { tokens, targets: tokens, mask: tokens }, /'mask'/],
    ['flat', { tokens: intTensor(batch.tokens, [6]), targets: tokens }, /must have a batch and a time/],
    ['unlike', { tokens, targets: intTensor(batch.tokens, [3, 2]) }, /differ in shape/],
    ['half', { tokens: half, targets: tokens }, /no token/],
  ] as const) {
    const path = write(name, tensors);
    assert.match(
      fails(() => readBatch(path)),
      reason,
    );
  }
  failsWith('data-unreadable', EXIT.data, () => readBatch(join(folder, 'none')));
  writeFileSync(join(folder, 'names.json'), '{"a":"b"}');
  assert.equal([...readNameMap(join(folder, 'names.json'))], [['a', 'b']]);
  writeFileSync(join(folder, 'names.json'), '{"a":1}');
  failsWith('names-malformed', EXIT.data, () => readNameMap(join(folder, 'names.json')));
});

test('a result is written whole or not at all', async () => {
  const path = join(temporaryFolder(), 'out.safetensors');
  const result = await grad(1, 0);
  writeTensorFile(nodeFiles, path, result);
  assert.equal(get(parseSafetensors(readFileSync(path), path), 'loss'), get(result, 'loss'));
  failsWith('disk-full', EXIT.environment, () =>
    writeTensorFile(
      {
        ...nodeFiles,
        write: () => {
          throw Object.assign(new Error(), { code: 'ENOSPC' });
        },
      },
      path,
      result,
    ),
  );
  assert.equal(get(parseSafetensors(readFileSync(path), path), 'loss'), get(result, 'loss'));
});

test.run();
