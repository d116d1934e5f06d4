/**
 * Dynamic loss scaling in f16: steps whose gradients are too large for f16 change nothing and halve the scale, and a run that was stopped
 * goes on with the scale that it had, to the same bits. The device decides, so that steps are queued as in f32.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CUDA_LIMITS } from '../src/backends/cuda/limits.ts';
import type { LoadedPlan } from '../src/backends/device.ts';
import { compileTarget } from '../src/backends/targets.ts';
import { SCALING_NUMBERS, type ScalingNumber } from '../src/compiler/ir/loss-scaling.ts';
import { NO_TILES } from '../src/compiler/ir/tiling.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { beginOptimizer } from '../src/runtime/begin-optimizer.ts';
import { loadLatestCheckpoint } from '../src/runtime/checkpoint/load.ts';
import { parseManifest, renderManifest } from '../src/runtime/checkpoint/manifest.ts';
import { openTrainingData } from '../src/runtime/data/training-data.ts';
import { nodeFiles } from '../src/runtime/files.ts';
import {
  lossScalingPlace,
  placeOf,
  programOf,
  readOutputs,
  readWeights,
  writeInput,
  writeWeights,
} from '../src/runtime/plan-io.ts';
import { createRunFolder, holdsRun, reopenRunFolder } from '../src/runtime/run-folder.ts';
import { finishStep, type StepNumbers } from '../src/runtime/run-step.ts';
import { floatsOf } from '../src/runtime/tensor-values.ts';
import { train } from '../src/runtime/train.ts';
import { compileText } from './support/compile-text.ts';
import { openTestDevices, type TestDevice } from './support/devices.ts';
import { runMain } from './support/run-cli.ts';
import { temporaryFolder } from './support/temporary.ts';
import { TINY_LLAMA } from './support/tiny-llama.ts';
import { SCALARS } from './support/tiny-plan.ts';

test('only kernels of f16 read the scale', () => {
  const textsOf = (precision: string): string => {
    const set = [`train.precision=${precision}`];
    return Object.values(
      compileText(TINY_LLAMA, { set, limits: CUDA_LIMITS, target: compileTarget('cuda') }).texts,
    ).join('\n');
  };
  assert.not.match(textsOf('f32'), /scaling/);
  assert.not.match(textsOf('bf16'), /scaling/);
  assert.match(textsOf('f16'), /scale = scaling\[0\]/);
});

const STEPS = 12;
/** Its gradients are too large for f16 until the scale is 2^11 or so. */
const SPEC = `use std.{Embedding, Linear, RMSNorm}

model Tiny(vocab: axis = 256, width: axis = 10, depth = 3, factor = 1000)(tokens: int[batch, time], targets: int[batch, time]) {
  x = Embedding(vocab, width)(tokens)
  for layer in 1..depth { x = x + tanh(Linear(width)(RMSNorm()(x))) }
  logits = Linear(vocab)(x)
  loss = factor * mean(cross_entropy(logits, targets, over = vocab), where = targets >= 0)
}

train Tiny() {
  data = text("*.txt", tokenizer = bytes)
  batch = 6; micro = 3; time = 9; steps = ${STEPS}
  optimizer = adam(); lr = 1e-2; clip = 1; precision = f16
  log_every = 1; save_every = 3; eval_every = 100
}
`;
const folder = temporaryFolder({
  'tiny.tfm': SPEC,
  'text.txt': 'the quick brown fox jumps over the lazy dog. '.repeat(60),
});
const at = (name: string): string => join(folder, name);

const devices = await openTestDevices();

/** A plan on a device; `use` has it for itself. */
async function withPlan<T>(
  { device }: TestDevice,
  set: readonly string[],
  use: (loaded: LoadedPlan, compiled: ReturnType<typeof compileText>) => Promise<T>,
): Promise<T> {
  const compiled = compileText(SPEC, { set, limits: device.limits, target: compileTarget(device.target) });
  const loaded = await device.load(compiled.plan, compiled.texts);
  try {
    return await use(loaded, compiled);
  } finally {
    loaded.release();
  }
}

type Scaling = Readonly<Record<ScalingNumber, number>>;

async function scalingOf(loaded: LoadedPlan): Promise<Scaling> {
  const [values] = await readOutputs(loaded, [present(lossScalingPlace(loaded.plan), 'a loss scale')]);
  return named(present(values, 'its numbers'));
}

function named([scale = 0, good = 0, bias1 = 0, bias2 = 0]: Float32Array): Scaling {
  return { scale, good, bias1, bias2 };
}

/** An update with this loss, and this gradient everywhere. */
async function update(loaded: LoadedPlan, step: number, loss: number, gradient: number): Promise<StepNumbers> {
  const { plan } = loaded;
  writeInput(loaded, placeOf(programOf(plan, 'micro').outputs, 'loss'), Float32Array.of(loss));
  writeWeights(loaded, plan.gradients, plan.weights, (p) => new Float32Array(p.bytes / 4).fill(gradient));
  return finishStep(loaded, { ...SCALARS, step, lr: 1e-3 });
}

async function bitsOf(loaded: LoadedPlan): Promise<readonly string[]> {
  const values = await readWeights(loaded, 'weights', loaded.plan.weights);
  return [...values].map(([name, v]) => `${name} ${Buffer.from(v.slice().buffer).toString('base64')}`);
}

for (const one of devices) {
  test(`${one.name}: the scale doubles after 2000 updates in a row, and halves when one is left out`, async () => {
    const [inf, nan] = [Number.POSITIVE_INFINITY, Number.NaN];
    // Scale and updates in a row, the step, and what they become.
    const cases = [
      [[2 ** 16, 0], [3, 1], 'applied', [2 ** 16, 1]],
      [[2 ** 16, 1998], [3, 1], 'applied', [2 ** 16, 1999]],
      [[2 ** 16, 1999], [3, 1], 'applied', [2 ** 17, 0]],
      [[2 ** 24, 1999], [3, 1], 'applied', [2 ** 24, 0]],
      [[2 ** 16, 1999], [3, inf], 'skipped', [2 ** 15, 0]],
      [[2, 7], [3, nan], 'skipped', [1, 0]],
      // Finite, and too large for their squares.
      [[8, 7], [3, 1e30], 'skipped', [4, 0]],
      [[1, 7], [3, inf], 'ended', [1, 7]],
      [[8, 7], [nan, 1], 'ended', [8, 7]],
      [[8, 7], [inf, inf], 'ended', [8, 7]],
    ] as const;
    for (const [[scale, good], [loss, gradient], outcome, [nextScale, nextGood]] of cases) {
      await withPlan(one, [], async (loaded) => {
        beginOptimizer(loaded);
        const before: Scaling = { scale, good, bias1: 0.5, bias2: 0.25 };
        writeInput(
          loaded,
          present(lossScalingPlace(loaded.plan), 'a loss scale'),
          Float32Array.from(SCALING_NUMBERS, (number) => before[number]),
        );
        const weights = await bitsOf(loaded);
        const found = await update(loaded, 0, loss, gradient);
        const what = `${scale} ${good}, ${loss} ${gradient}`;
        assert.equal([found.outcome, found.lossScale], [outcome, scale], what);
        const after = await scalingOf(loaded);
        assert.equal([after.scale, after.good], [nextScale, nextGood], what);
        assert.is(JSON.stringify(await bitsOf(loaded)) !== JSON.stringify(weights), outcome === 'applied', what);
        assert.is(after.bias1 !== 0.5 && after.bias2 !== 0.25, outcome === 'applied', what);
        if (outcome !== 'ended') return;
        // Nor does any step after it change anything.
        const next = await update(loaded, 1, 3, 1);
        assert.equal([next.outcome, await scalingOf(loaded)], ['ended', after], what);
        assert.equal(await bitsOf(loaded), weights, what);
      });
    }
  });

  test(`${one.name}: the corrections of Adam count updates, not steps`, () =>
    withPlan(one, [], async (loaded) => {
      beginOptimizer(loaded);
      let updates = 0;
      for (let step = 0; step < 60; step++) {
        const isBad = step < 3 || step % 10 === 5;
        const { outcome } = await update(loaded, step, 3, isBad ? Number.POSITIVE_INFINITY : 1);
        assert.is(outcome, isBad ? 'skipped' : 'applied');
        if (!isBad) updates += 1;
        const { bias1, bias2 } = await scalingOf(loaded);
        for (const [bias, beta] of [
          [bias1, 0.9],
          [bias2, 0.999],
        ] as const) {
          const expected = 1 - beta ** updates;
          assert.ok(Math.abs(bias - expected) <= 1e-6 * expected, `${bias} after ${updates} updates, not ${expected}`);
        }
      }
    }));
}

test('a checkpoint that has the scale in its manifest is refused, and says why', () => {
  const state = { step: 4, position: 8, seed: 1, config: 'c', kernels: 'k', data: 'd', code: '0' };
  const text = renderManifest({ state, files: {} });
  assert.equal(parseManifest(text), { state, files: {} });
  const older = text.replace('"files"', '"loss_scale": { "scale": 8192, "good": 17, "skipped": 3 },\n  "files"');
  assert.match(`${parseManifest(older)}`, /kept the loss scale of f16 elsewhere/);
});

interface StepRecord {
  readonly step: number;
  readonly loss: number;
  readonly gradNorm: number | null;
  readonly lossScale?: number;
  readonly skipped?: boolean;
}

const runTo = async (run: string, ...more: readonly string[]) =>
  runMain('train', at('tiny.tfm'), '--out', at(run), ...more);

function stepsOf(run: string): readonly StepRecord[] {
  const lines = readFileSync(join(at(run), 'metrics.jsonl'), 'utf8')
    .trimEnd()
    .split('\n');
  return lines.map((line) => JSON.parse(line)).filter(({ kind }) => kind === 'step');
}

/** The newest checkpoint: weights and moments as bytes, and the scale. */
function stateOf(run: string) {
  const { weights, optimizer } = loadLatestCheckpoint(nodeFiles, join(at(run), 'checkpoints'));
  const scaling = named(floatsOf(present(optimizer.get('loss_scaling'), 'a loss scale')));
  const bytes = [...weights, ...optimizer].map(([name, { data }]) => `${name} ${Buffer.from(data).toString('base64')}`);
  return { scaling, bytes: bytes.sort() };
}

test('steps that are too large are left out, until the scale fits; then the loss falls', async () => {
  const { exit, err } = await runTo('whole');
  assert.is(exit, 0, err);
  const steps = stepsOf('whole');
  const skipped = steps.filter((s) => s.skipped);
  assert.ok(skipped.length >= 3 && skipped.length < 8, `${skipped.length} steps left out`);
  assert.equal(
    skipped.map((s) => s.step),
    skipped.map((_, i) => i + 1),
  );
  assert.equal(
    steps.map((s) => s.lossScale),
    steps.map((_, i) => 2 ** (16 - Math.min(i, skipped.length))),
  );
  assert.ok(
    steps.every((s) => s.skipped === (s.gradNorm === null)),
    'norms of steps that are left out are not finite',
  );
  const [first, last] = [steps[skipped.length]?.loss ?? 0, steps.at(-1)?.loss ?? 0];
  assert.ok(last < 0.96 * first, `from ${first} to ${last}`);
  assert.match(err, /no update {2}scale 65536/);
  const { scale, good } = stateOf('whole').scaling;
  assert.equal([scale, good], [2 ** (16 - skipped.length), STEPS - skipped.length]);
});

test('the numbers are those of f32', async () => {
  // The first updates of both runs see other batches, so both begin where nothing is left out.
  for (const precision of ['f16', 'f32']) {
    const { exit, err } = await runTo(precision, '--set', 'factor=1', '--set', `train.precision=${precision}`);
    assert.is(exit, 0, err);
  }
  const [half, whole] = [stepsOf('f16'), stepsOf('f32')];
  assert.ok(half.every((s) => s.skipped === false));
  half.forEach(({ loss, gradNorm }, i) => {
    const other = whole[i];
    assert.ok(Math.abs(loss / (other?.loss ?? 0) - 1) < 1e-3, `loss ${loss} beside ${other?.loss}`);
    assert.ok(
      Math.abs((gradNorm ?? 0) / (other?.gradNorm ?? 0) - 1) < 2e-2,
      `norm ${gradNorm} beside ${other?.gradNorm}`,
    );
  });
  assert.ok(whole.every((s) => s.lossScale === undefined));
});

test('a run that goes on has the scale that it had, and the same bits', async () => {
  // Among the steps that are left out, and after them.
  for (const [run, stop] of [
    ['early', 3],
    ['late', 9],
  ] as const) {
    const first = await runTo(run, '--set', `train.steps=${stop}`);
    assert.is(first.exit, 0, first.err);
    const { exit, err } = await runTo(run, '--resume');
    assert.is(exit, 0, err);
    assert.equal(
      stepsOf(run).map(({ step, loss, lossScale }) => [step, loss, lossScale]),
      stepsOf('whole').map(({ step, loss, lossScale }) => [step, loss, lossScale]),
    );
    assert.equal(stateOf(run), stateOf('whole'));
  }
});

/** Trains in this process; reads of a step's numbers wait until `answers` lets them, and a stop is asked for when so many are queued. */
async function trainOn(
  one: TestDevice,
  run: string,
  { stopAt = Number.POSITIVE_INFINITY, set = [] as readonly string[], hold = async (_queued: () => number) => {} } = {},
): Promise<void> {
  const path = at(run);
  await withPlan(one, set, async (base, { train: settings }) => {
    const config = present(settings, 'a train block');
    let queued = 0;
    const loaded: LoadedPlan = {
      ...base,
      runAll: (runs) => {
        base.runAll(runs);
        if (runs.some(({ program }) => program === 'update')) queued += 1;
      },
      read: async (...range) => {
        await hold(() => queued);
        return base.read(...range);
      },
    };
    const description = { config, spec: undefined, environment: {}, tiles: NO_TILES };
    const resume = holdsRun(nodeFiles, path);
    const folderOf = resume ? reopenRunFolder : createRunFolder;
    const opened = folderOf(nodeFiles, path, description);
    try {
      await train({
        loaded,
        lost: one.device.lost,
        config,
        data: openTrainingData(config, folder),
        run: opened,
        resume,
        version: '0',
        observe: () => {},
        stop: { signal: () => (queued >= stopAt ? 'SIGINT' : undefined) },
      });
    } finally {
      opened.close();
    }
  });
}

const RARELY = ['train.save_every=1000', 'train.eval_every=1000', 'train.probe_every=1000'];

for (const one of devices) {
  test(`${one.name}: steps are queued before it is known how those before them went`, async () => {
    const late: number[] = [];
    /** The numbers of a step come when the next one is queued; they would never, if the next one waited for them. */
    const hold = async (queued: () => number): Promise<void> => {
      const asked = queued();
      for (let turn = 0; turn < 1000 && queued() === asked && asked < STEPS; turn++) await nextTurn();
      if (queued() === asked && asked < STEPS) late.push(asked);
    };
    await trainOn(one, `${one.name}-queued`, { set: RARELY, hold });
    assert.equal(late, []);
    assert.ok(stepsOf(`${one.name}-queued`).filter((s) => s.skipped).length >= 3);
  });

  test(`${one.name}: a run that is stopped while steps are queued goes on to the same bits`, async () => {
    const whole = `${one.name}-whole`;
    await trainOn(one, whole, { set: RARELY });
    // Before, at and after the last step that is left out.
    for (const stopAt of [1, 4, 5, 6, 10]) {
      const run = `${one.name}-stopped-${stopAt}`;
      await trainOn(one, run, { set: RARELY, stopAt });
      assert.is(stepsOf(run).length, stopAt);
      await trainOn(one, run, { set: RARELY });
      assert.equal(
        stepsOf(run).map(({ step, loss, lossScale, skipped }) => [step, loss, lossScale, skipped]),
        stepsOf(whole).map(({ step, loss, lossScale, skipped }) => [step, loss, lossScale, skipped]),
      );
      assert.equal(stateOf(run), stateOf(whole));
    }
  });
}

test('what is too large at every scale is a divergence', async () => {
  const { exit, err } = await runTo('diverged', '--set', 'factor=1e38', '--set', 'train.steps=60');
  assert.is(exit, 6, err);
  assert.match(err, /diverged/);
});

test.after(() => {
  for (const { device } of devices) device.close();
});
test.run();
