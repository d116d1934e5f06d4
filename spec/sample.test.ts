import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { EXIT } from '../src/compiler/diagnostics/diagnostic.ts';
import { chooseToken, type Sampling } from '../src/runtime/choose-token.ts';
import { byteTokenizer } from '../src/runtime/data/byte-tokenizer.ts';
import { writeWeights } from '../src/runtime/plan-io.ts';
import { type SampleOptions, sample } from '../src/runtime/sample.ts';
import { CONFIG } from './support/bigram-job.ts';
import { rejectsWith } from './support/failures.ts';
import { loadFakePlan } from './support/fake-plan.ts';

const plain: Sampling = { temperature: 1, topK: undefined, topP: undefined };
const options: SampleOptions = { ...plain, prompt: 'ab', tokens: 40, seed: 1, step: 0 };

/** A model whose every token is followed by the one that `next` gives, nearly always. */
const model = (vocab: number, next: (token: number) => number, strength = 50) => {
  const loaded = loadFakePlan({ vocab, time: 5, rows: 1, accumulation: 1, optimizer: CONFIG.optimizer });
  writeWeights(loaded, 'weights', loaded.plan.weights, (p) => {
    const values = new Float32Array(p.bytes / 4);
    if (p.name === 'table') for (let t = 0; t < vocab; t += 1) values[t * vocab + next(t)] = strength;
    return values;
  });
  return loaded;
};

const textOf = async (loaded: ReturnType<typeof model>, changes: Partial<SampleOptions> = {}) => {
  const pieces: string[] = [];
  await sample(loaded, byteTokenizer, { ...options, ...changes }, (t) => pieces.push(t));
  return pieces;
};

test('text continues the prompt, sliding past the time of the model', async () => {
  const cycle = model(128, (t) => (t < 97 || t >= 122 ? 97 : t + 1));
  assert.is((await textOf(cycle)).join(''), 'cdefghijklmnopqrstuvwxyzabcdefghijklmnop');
  assert.is((await textOf(cycle, { temperature: 0, tokens: 3, prompt: 'the quick' })).join(''), 'lmn');
  assert.is((await textOf(cycle, { prompt: '', tokens: 2 })).join(''), 'ab');
});

test('the same seed gives the same text, another seed another', async () => {
  const loose = model(128, (t) => (t + 1) % 128, 1);
  const once = await textOf(loose);
  assert.equal(await textOf(loose), once);
  assert.not.equal(await textOf(loose, { seed: 2 }), once);
});

test('no character is cut on output', async () => {
  const euro = [...Buffer.from('€')];
  const loop = model(256, (t) => euro[(euro.indexOf(t) + 1) % 3] ?? 0);
  const pieces = await textOf(loop, { tokens: 8 });
  assert.equal(pieces, ['€', '€', '\ufffd']);
});

test('temperature, top-k and top-p shape the distribution', () => {
  const logits = Float32Array.from([0.5, 0.3, 0.15, 0.05].map(Math.log));
  const at = (uniform: number, sampling: Partial<Sampling> = {}) =>
    chooseToken(logits, { ...plain, ...sampling }, uniform);
  assert.equal(
    [0, 0.49, 0.51, 0.79, 0.81, 0.94, 0.96].map((u) => at(u)),
    [0, 0, 1, 1, 2, 2, 3],
  );
  assert.equal(
    [0.61, 0.63, 0.99].map((u) => at(u, { topK: 2 })),
    [0, 1, 1],
  );
  assert.equal(
    [0.5, 0.99].map((u) => at(u, { topP: 0.8 })),
    [0, 1],
  );
  assert.equal(
    [0.5, 0.99].map((u) => at(u, { topP: 0.4 })),
    [0, 0],
  );
  assert.is(at(0.999, { temperature: 0 }), 0);
  assert.is(at(0.9, { temperature: 0.25 }), 1);
  assert.is(chooseToken(Float32Array.of(1, 3, 3), { ...plain, temperature: 0 }, 0.9), 1);
});

test('tokens are taken from the likeliest on, of whatever sign, and equals by their ids', () => {
  const logits = Float32Array.of(-2, 0, -0, 3, -0.5, 3, -1e30, 1e30);
  const order = [7, 3, 5, 1, 2, 4, 0, 6];
  // With all the weight of a temperature that makes them alike, the k-th of n draws is the k-th token.
  const drawn = order.map((_, k) => {
    const flat = { ...plain, temperature: 1e38 };
    return chooseToken(logits, flat, (k + 0.5) / order.length);
  });
  assert.equal(drawn, order);
});

test('impossible options and weights are refused', async () => {
  const any = model(128, () => 97);
  const fails = (code: string, exit: 2 | 5 | 6 | 1, changes: Partial<SampleOptions>, loaded = any) =>
    rejectsWith(code, exit, textOf(loaded, changes));
  await fails('sampling-option', EXIT.usage, { temperature: -1 });
  await fails('sampling-option', EXIT.usage, { topK: 0 });
  await fails('sampling-option', EXIT.usage, { topP: 1.5 });
  await fails('token-outside-vocabulary', EXIT.data, { prompt: 'é' });
  await fails(
    'logits-not-finite',
    EXIT.diverged,
    {},
    model(128, () => 97, Number.NaN),
  );
  const { logits: _, ...programs } = any.plan.programs;
  await fails('program-missing', EXIT.input, {}, { ...any, plan: { ...any.plan, programs } });
});

test.run();
