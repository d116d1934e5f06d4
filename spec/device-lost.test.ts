/** A device that is lost, or reports an error, during training: a coded message, and the last checkpoint stays. */
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { LoadedPlan } from '../src/backends/device.ts';
import { openWebGpu } from '../src/backends/wgsl/device.ts';
import { deviceFailure } from '../src/compiler/diagnostics/device.ts';
import { EXIT } from '../src/compiler/diagnostics/diagnostic.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { loadLatestCheckpoint } from '../src/runtime/checkpoint/load.ts';
import { nodeFiles } from '../src/runtime/files.ts';
import { NEVER_STOP } from '../src/runtime/stop-request.ts';
import { train } from '../src/runtime/train.ts';
import { trainOnDevice } from '../src/runtime/train-on-device.ts';
import { bigramJob, openRun, TEXT } from './support/bigram-job.ts';
import { compileText } from './support/compile-text.ts';
import { rejectsWith } from './support/failures.ts';
import { temporaryFolder } from './support/temporary.ts';

const SPEC = `use std.{Embedding, Linear}

model Tiny(vocab: axis = 256, width: axis = 8)(tokens: int[batch, time], targets: int[batch, time]) {
  logits = Linear(vocab)(Embedding(vocab, width)(tokens))
  loss = mean(cross_entropy(logits, targets, over = vocab), where = targets >= 0)
}

train Tiny() {
  data = text("*.txt", tokenizer = bytes)
  batch = 4; time = 9; steps = 50
  optimizer = adam(); lr = 1e-2
  log_every = 1; save_every = 2; keep = 3
}
`;

test('a device that is taken away in a step', async () => {
  const folder = temporaryFolder({ 'a.txt': TEXT });
  const out = join(folder, 'run');
  const device = await openWebGpu();
  const compiled = compileText(SPEC, { limits: device.limits, purposes: ['train', 'logits'] });
  const config = present(compiled.train, 'a train block');
  const request = {
    device,
    model: { plan: compiled.plan, texts: compiled.texts, dataFolder: folder, spec: { 'model.tfm': SPEC } },
    config,
    out,
    observe: () => {},
    stop: NEVER_STOP,
  };
  const lost = trainOnDevice({
    ...request,
    resume: false,
    observe: (event) => {
      if (event.kind === 'step' && event.step === 5) device.close();
    },
  });
  const message = await rejectsWith('device-lost', EXIT.environment, lost);
  assert.match(message, device.info.name);
  assert.is(loadLatestCheckpoint(nodeFiles, join(out, 'checkpoints')).state.step, 4);

  const other = await openWebGpu();
  const resumed = await trainOnDevice({ ...request, device: other, resume: true, config: { ...config, steps: 8 } });
  assert.is(resumed.step, 8);
  other.close();
});

test('an error of the device in a step', async () => {
  const folder = temporaryFolder({ 'a.txt': TEXT });
  const path = join(folder, 'run');
  const run = openRun(path, false);
  const { loaded, ...job } = bigramJob(folder);
  let updates = 0;
  const failing: LoadedPlan = {
    ...loaded,
    runAll: (runs) => {
      updates += runs.filter(({ program }) => program === 'update').length;
      loaded.runAll(runs);
    },
    read: (...range) =>
      updates === 6
        ? Promise.reject(deviceFailure('device-memory', { what: 'queued work', needs: 0 }))
        : loaded.read(...range),
  };
  const failed = train({ ...job, loaded: failing, run, resume: false });
  await rejectsWith('device-memory', EXIT.memory, failed);
  run.close();
  assert.is(loadLatestCheckpoint(nodeFiles, join(path, 'checkpoints')).state.step, 4);
});

test.run();
