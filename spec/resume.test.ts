/**
 * The same seed gives the same bits: run again, killed and resumed, or from a compiled folder. On the device, through the
 * command line; the model draws random numbers (dropout), so that their place in the run counts too.
 */
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadLatestCheckpoint } from '../src/runtime/checkpoint/load.ts';
import { nodeFiles } from '../src/runtime/files.ts';
import { runMain, startCli } from './support/run-cli.ts';
import { temporaryFolder } from './support/temporary.ts';

const STEPS = 40;
const SPEC = `use std.{Embedding, Linear, RMSNorm, dropout}

fn Scaled()(w: [row, ..out]) { param s: [..out] ~ 1; return w * s }

model Tiny(vocab: axis = 256, width: axis = 10, depth = 3)(tokens: int[batch, time], targets: int[batch, time]) {
  x = Embedding(vocab, width)(tokens)
  for layer in 1..depth { x = x + dropout(tanh(Linear(width)(RMSNorm()(x))), p = 0.2) }
  logits = Linear(vocab)(x)
  loss = mean(cross_entropy(logits, targets, over = vocab), where = targets >= 0)
  weights **.w { via = Scaled(); after = w => w / norm(w) + 1e-3 * uniform(like = w) }
}

train Tiny() {
  data = text("*.txt", tokenizer = bytes)
  batch = 6; time = 9; steps = ${STEPS}
  optimizer = adam(); lr = 1e-2 * warmup(5) * cosine(to = 0.1); clip = 1
  log_every = 1; save_every = 4; eval_every = 10
}
`;
const folder = temporaryFolder({
  'tiny.tfm': SPEC,
  'text.txt': 'the quick brown fox jumps over the lazy dog. '.repeat(60),
});
const at = (name: string): string => join(folder, name);

const trainTo = async (run: string, ...more: readonly string[]): Promise<void> => {
  const { exit, err } = await runMain('train', at('tiny.tfm'), '--out', at(run), ...more);
  assert.is(exit, 0, err);
};

/** Losses, norms and validation losses by step; what was logged twice must agree. */
function numbersOf(run: string): ReadonlyMap<string, readonly number[]> {
  const numbers = new Map<string, readonly number[]>();
  for (const line of readFileSync(join(at(run), 'metrics.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')) {
    const { kind, step, loss, gradNorm } = JSON.parse(line);
    if (kind === 'step' || kind === 'validation') numbers.set(`${kind} ${step}`, [loss, gradNorm ?? 0]);
  }
  return numbers;
}

const latest = (run: string) => loadLatestCheckpoint(nodeFiles, join(at(run), 'checkpoints'));

/** Weights and moments, as bytes. */
function stateOf(run: string): readonly string[] {
  const { path, state } = latest(run);
  assert.is(state.step, STEPS);
  return readdirSync(path)
    .filter((name) => name.endsWith('.safetensors'))
    .sort()
    .map((name) => readFileSync(join(path, name)).toString('base64'));
}

function assertSame(run: string): void {
  assert.equal(numbersOf(run), numbersOf('whole'));
  assert.ok(
    stateOf(run).every((bytes, k) => bytes === stateOf('whole')[k]),
    `weights and moments of ${run}`,
  );
}

test.before(() => trainTo('whole'));

test('the same seed gives the same losses and weights; another gives others', async () => {
  await trainTo('again');
  assert.is(numbersOf('whole').size, STEPS + 4);
  assertSame('again');
  await trainTo('other', '--set', 'train.seed=2');
  assert.not.equal(numbersOf('other'), numbersOf('whole'));
});

test('killed at any moment and resumed, a run ends with the same bits', async () => {
  const run = 'killed';
  /** Starts or goes on with the run, and kills it some time after `when` holds. */
  const killWhen = async (when: () => boolean, ms: number): Promise<void> => {
    const resume = existsSync(at(run)) ? ['--resume'] : [];
    const child = startCli(['train', at('tiny.tfm'), '--out', at(run), '--quiet', ...resume]);
    let err = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      err += chunk;
    });
    const closed = new Promise((resolve) => child.on('close', resolve));
    while (!when() && child.exitCode === null) await wait(5);
    await wait(ms);
    assert.is(child.exitCode, null, `killed before its end: ${err}`);
    child.kill('SIGKILL');
    await closed;
    // Nothing that has the name of a checkpoint is half there.
    if (savedSteps().length > 0) assert.equal(latest(run).skipped, []);
  };
  const savedSteps = (): readonly number[] => {
    const path = join(at(run), 'checkpoints');
    return existsSync(path)
      ? readdirSync(path)
          .filter((n) => /^step-\d+$/.test(n))
          .map((n) => Number(n.slice(5)))
      : [];
  };
  const saved = (step: number) => (): boolean => savedSteps().some((s) => s >= step);
  await killWhen(() => existsSync(join(at(run), 'config.json')), 0);
  await killWhen(saved(4), Math.random() * 30);
  await killWhen(saved(12), Math.random() * 30);
  await killWhen(saved(24), Math.random() * 10);
  await trainTo(run, '--resume');
  assertSame(run);
});

test('a compiled folder trains to the same bits without the spec', async () => {
  const { exit, err } = await runMain('compile', at('tiny.tfm'), '--out', at('compiled'));
  assert.is(exit, 0, err);
  renameSync(at('tiny.tfm'), at('hidden.tfm'));
  try {
    const trained = await runMain('train', at('compiled'), '--out', at('from-folder'));
    assert.is(trained.exit, 0, trained.err);
    assertSame('from-folder');
    const plan = JSON.parse(readFileSync(at('compiled/plan.json'), 'utf8'));
    assert.match(trained.err, `${plan.memory.plannedBytes} bytes`);
  } finally {
    renameSync(at('hidden.tfm'), at('tiny.tfm'));
  }
});

test('a step cut into three micro-batches is nearly the same step', async () => {
  const without = ['--set', 'depth=0', '--set', 'train.steps=10'];
  await trainTo('one', ...without);
  await trainTo('three', ...without, '--set', 'train.micro=2');
  const three = numbersOf('three');
  for (const [name, [loss = 0, norm = 0]] of numbersOf('one')) {
    const [otherLoss = Number.NaN, otherNorm = Number.NaN] = three.get(name) ?? [];
    assert.ok(Math.abs(loss - otherLoss) <= 1e-5 * loss, `${name}: loss ${loss} and ${otherLoss}`);
    assert.ok(Math.abs(norm - otherNorm) <= 1e-3 * norm, `${name}: norm ${norm} and ${otherNorm}`);
  }
});

test.after(() => rmSync(folder, { recursive: true, force: true }));
test.run();
