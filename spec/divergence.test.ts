/**
 * A loss or a gradient that is not finite: found in the step in which it appears, named, and not applied. The last good
 * checkpoint stays.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { LoadedPlan } from '../src/backends/device.ts';
import { openWebGpu } from '../src/backends/wgsl/device.ts';
import type { Compiled } from '../src/compiler/compile-request.ts';
import { EXIT } from '../src/compiler/diagnostics/diagnostic.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { loadLatestCheckpoint } from '../src/runtime/checkpoint/load.ts';
import { openTrainingData } from '../src/runtime/data/training-data.ts';
import { nodeFiles } from '../src/runtime/files.ts';
import { readWeights } from '../src/runtime/plan-io.ts';
import { NEVER_STOP } from '../src/runtime/stop-request.ts';
import { type TrainResult, train } from '../src/runtime/train.ts';
import { compileText } from './support/compile-text.ts';
import { rejectsWith } from './support/failures.ts';
import { runMain } from './support/run-cli.ts';
import { temporaryFolder } from './support/temporary.ts';

/** Unless `rate` is 0, the gradient of `edge` exceeds float32, though the loss and all other gradients are finite. */
const SPEC = `use std.{Embedding, Linear}

model Tiny(vocab: axis = 256, width: axis = 10, rate = 0, boost = 1)(tokens: int[batch, time], targets: int[batch, time]) {
  embed = Embedding(vocab, width)
  x = embed(tokens)
  param scale: [width] ~ 1
  param edge: [width] ~ 0
  param steep: [width] ~ 1e30
  logits = Linear(vocab)(x * scale + rate * (edge * steep * steep))
  loss = boost * mean(cross_entropy(logits, targets, over = vocab), where = targets >= 0)
}

train Tiny() {
  data = text("*.txt", tokenizer = bytes)
  batch = 4; time = 9; steps = 6
  optimizer = adam(); lr = 1e-2
  log_every = 1; save_every = 1
}
`;
const folder = temporaryFolder({
  'tiny.tfm': SPEC,
  'text.txt': 'the quick brown fox jumps over the lazy dog. '.repeat(40),
});
const device = await openWebGpu();

interface Trial {
  readonly set: readonly string[];
  /** Puts a value into this weight after initialization. */
  readonly spoil?: { readonly weight: string; readonly value: number };
}

/** Trains, which must fail with `diverged`; gives the message, and whether weights and moments are as they began. */
async function divergence({ set, spoil }: Trial): Promise<{ message: string; untouched: boolean }> {
  const compiled = compileText(SPEC, { set, limits: device.limits, purposes: ['train', 'logits'] });
  const loaded = await device.load(compiled.plan, compiled.texts);
  try {
    let before: readonly (readonly number[])[] = [];
    const begin = (target: LoadedPlan): void => {
      const place = target.plan.weights.find((w) => w.name === spoil?.weight);
      if (place && spoil) target.write(`weights${place.part}`, place.offset + 8, Float32Array.of(spoil.value));
    };
    const trial = trainLoaded(compiled, loaded, begin, async () => {
      before = await stateOf(loaded);
    });
    const message = await rejectsWith('diverged', EXIT.diverged, trial);
    return { message, untouched: JSON.stringify(await stateOf(loaded)) === JSON.stringify(before) };
  } finally {
    loaded.release();
  }
}

/** One run without a folder; `watch` sees the weights as they begin. */
async function trainLoaded(
  { train: config }: Compiled,
  loaded: LoadedPlan,
  init: (loaded: LoadedPlan) => void,
  watch: () => Promise<void>,
): Promise<TrainResult> {
  const settings = present(config, 'a train block');
  let started: Promise<void> | undefined;
  const job = {
    loaded,
    lost: device.lost,
    config: settings,
    data: openTrainingData(settings, folder),
    run: undefined,
    resume: false,
    init: (target: LoadedPlan) => {
      init(target);
      started = watch();
    },
    version: '0',
    observe: () => {},
    stop: NEVER_STOP,
  };
  try {
    return await train(job);
  } finally {
    await started;
  }
}

/** Bits of weights and moments: a NaN equals itself. */
async function stateOf(loaded: LoadedPlan): Promise<readonly (readonly number[])[]> {
  const all = await Promise.all(
    (['weights', 'moment1', 'moment2'] as const).map((like) => readWeights(loaded, like, loaded.plan.weights)),
  );
  return all.flatMap((values) => [...values.values()].map((v) => [...new Uint32Array(v.slice().buffer)]));
}

test('an infinite gradient of one weight: the weight is named, and nothing changes', async () => {
  for (const set of [['rate=1'], ['rate=1', 'train.micro=1'], ['rate=1', 'train.clip=1']]) {
    const { message, untouched } = await divergence({ set });
    assert.match(message, /at step 1: the gradient of 'edge' is not finite \(loss \d/);
    assert.ok(untouched, `${set}`);
  }
});

for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
  test(`${value} in one weight is found in the first step`, async () => {
    const { message, untouched } = await divergence({ set: [], spoil: { weight: 'scale', value } });
    assert.match(message, /at step 1: the loss is not finite, and the gradient of '/);
    assert.ok(untouched);
  });
}

test('a norm beyond float32 of gradients that are finite', async () => {
  const { message, untouched } = await divergence({ set: ['boost=1e30'] });
  assert.match(message, /at step 1: the gradients are finite, and their norm is/);
  assert.ok(untouched);
});

test('steps that were queued behind one that is not finite change nothing', async () => {
  const after = async (steps: number): Promise<{ state: readonly (readonly number[])[]; message: string }> => {
    const set = ['train.lr=1e38', 'train.save_every=1000', 'train.eval_every=1000', `train.steps=${steps}`];
    const compiled = compileText(SPEC, { set, limits: device.limits, purposes: ['train', 'logits'] });
    const loaded = await device.load(compiled.plan, compiled.texts);
    try {
      const trial = trainLoaded(
        compiled,
        loaded,
        () => {},
        async () => {},
      );
      const message = steps === 1 ? `${(await trial).step}` : await rejectsWith('diverged', EXIT.diverged, trial);
      return { message, state: await stateOf(loaded) };
    } finally {
      loaded.release();
    }
  };
  const [one, six] = [await after(1), await after(6)];
  assert.match(six.message, /at step 2: /);
  assert.equal(six.state, one.state);
});

test('an enormous learning rate ends the run with exit code 6 and leaves the last good checkpoint', async () => {
  const run = join(folder, 'run');
  const { exit, err } = await runMain('train', join(folder, 'tiny.tfm'), '--set', 'train.lr=1e38', '--out', run);
  assert.is(exit, EXIT.diverged, err);
  assert.match(err, /diverged at step 2: .*\[diverged\]/s);
  assert.match(err, 'step-1');
  assert.not.match(err, /\n\s+at /);
  const names = readdirSync(join(run, 'checkpoints')).filter((n) => n.startsWith('step-'));
  assert.equal(names, ['step-1']);
  const { state, skipped, weights } = loadLatestCheckpoint(nodeFiles, join(run, 'checkpoints'));
  assert.equal([state.step, skipped], [1, []]);
  assert.ok(weights.size > 0);
});

test.after(() => device.close());
test.run();
