/**
 * Dynamic loss scaling in f16: steps whose gradients are too large for f16 change nothing and halve the scale, and a run that was stopped
 * goes on with the scale that it had, to the same bits. On the device, through the command line.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CUDA_LIMITS } from '../src/backends/cuda/limits.ts';
import { compileTarget } from '../src/backends/targets.ts';
import { loadLatestCheckpoint } from '../src/runtime/checkpoint/load.ts';
import { parseManifest, renderManifest } from '../src/runtime/checkpoint/manifest.ts';
import { nodeFiles } from '../src/runtime/files.ts';
import { afterSkip, afterUpdate, firstLossScale } from '../src/runtime/loss-scale.ts';
import { stepScalars } from '../src/runtime/step-scalars.ts';
import { CONFIG } from './support/bigram-job.ts';
import { compileText } from './support/compile-text.ts';
import { runMain } from './support/run-cli.ts';
import { temporaryFolder } from './support/temporary.ts';
import { TINY_LLAMA } from './support/tiny-llama.ts';

test('the scale doubles after 2000 updates in a row, and halves when one is left out', () => {
  let state = firstLossScale('f16');
  assert.is(state.scale, 2 ** 16);
  for (let k = 0; k < 1999; k++) state = afterUpdate(state);
  assert.equal(state, { scale: 2 ** 16, good: 1999, skipped: 0 });
  assert.equal(afterSkip(state), { scale: 2 ** 15, good: 0, skipped: 1 });
  state = afterUpdate(state);
  assert.equal(state, { scale: 2 ** 17, good: 0, skipped: 0 });
  for (let k = 0; k < 20 * 2000; k++) state = afterUpdate(state);
  assert.is(state.scale, 2 ** 24);
  let last: typeof state | undefined = state;
  for (let k = 0; k < 24; k++) last = last && afterSkip(last);
  assert.equal(last, { scale: 1, good: 0, skipped: 24 });
  assert.is(last && afterSkip(last), undefined);
  assert.is(firstLossScale('bf16').scale, 1);
});

test('the corrections of Adam count updates, not steps', () => {
  const skipped = stepScalars(CONFIG, 7, { scale: 8, good: 0, skipped: 5 });
  assert.equal(
    [skipped.bias1, skipped.bias2, skipped.loss_scale],
    [stepScalars(CONFIG, 2).bias1, stepScalars(CONFIG, 2).bias2, 8],
  );
});

test('a manifest keeps the scale, and one without reads as before', () => {
  const state = { step: 4, position: 8, seed: 1, config: 'c', kernels: 'k', data: 'd', code: '0' };
  const scaled = { ...state, loss_scale: { scale: 2 ** 13, good: 17, skipped: 3 } };
  for (const each of [state, scaled])
    assert.equal(parseManifest(renderManifest({ state: each, files: {} })), { state: each, files: {} });
});

test('only kernels of f16 read the scale', () => {
  const textsOf = (precision: string): string => {
    const set = [`train.precision=${precision}`];
    return Object.values(
      compileText(TINY_LLAMA, { set, limits: CUDA_LIMITS, target: compileTarget('cuda') }).texts,
    ).join('\n');
  };
  assert.not.match(textsOf('f32'), /loss_scale/);
  assert.not.match(textsOf('bf16'), /loss_scale/);
  assert.match(textsOf('f16'), /\(gradients\)\[share\] \/ host\.loss_scale;/);
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
  const { path, state } = loadLatestCheckpoint(nodeFiles, join(at(run), 'checkpoints'));
  const tensors = readdirSync(path).filter((name) => name.endsWith('.safetensors'));
  return {
    scale: state.loss_scale,
    bytes: tensors.sort().map((name) => readFileSync(join(path, name)).toString('base64')),
  };
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
  assert.equal(stateOf('whole').scale, {
    scale: 2 ** (16 - skipped.length),
    good: STEPS - skipped.length,
    skipped: skipped.length,
  });
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

test('what is too large at every scale is a divergence', async () => {
  const { exit, err } = await runTo('diverged', '--set', 'factor=1e38', '--set', 'train.steps=60');
  assert.is(exit, 6, err);
  assert.match(err, /diverged/);
});

test.run();
