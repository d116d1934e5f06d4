/** Decoding with caches by kernels, against the model run anew by the float64 interpreter; and the same text either way. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openWebGpu } from '../src/backends/wgsl/device.ts';
import type { Compiled, CompileRequest } from '../src/compiler/compile-request.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { byteTokenizer } from '../src/runtime/data/byte-tokenizer.ts';
import { openDecoder } from '../src/runtime/open-decoder.ts';
import { writeWeights } from '../src/runtime/plan-io.ts';
import { sample } from '../src/runtime/sample.ts';
import { compileText } from './support/compile-text.ts';
import { differenceOf, livelyWeights, rerunLogits } from './support/decode-oracle.ts';
import { livelyValues, smallSizes, TIME, textOf, VOCAB } from './support/gallery.ts';

const TEXT = Array.from({ length: TIME + 2 }, (_, i) => (5 * i + 3) % VOCAB);
const SCALARS = { step: 0, seed: 0, micro: 0, lr: 0, bias1: 1, bias2: 1 };
const device = await openWebGpu({ notify: () => {} });

async function load({ plan, texts }: Compiled) {
  const loaded = await device.load(plan, texts, { poison: true });
  writeWeights(loaded, 'weights', loaded.plan.weights, (w) => Float32Array.from(livelyValues(w, w.shape)));
  return loaded;
}

/** Compares the logits of texts that grow beyond the time, begun with one token and with some, with those of the interpreter. */
async function assertDecodes(file: string, changes: Partial<CompileRequest> = {}): Promise<void> {
  const text = textOf(file);
  const purposes = ['logits', 'decode'] as const;
  const compiled = compileText(text, { set: smallSizes(text), limits: device.limits, purposes, ...changes });
  const graph = present(compiled.graphs.logits, 'the graph of the logits');
  const weights = livelyWeights(graph);
  const loaded = await load(compiled);
  for (const begun of [1, 4]) {
    const decoder = openDecoder(loaded, SCALARS, 'a test');
    assert.is(decoder.decode, 'cached');
    for (let n = begun; n <= TEXT.length; n += 1) {
      const seen = TEXT.slice(0, n).slice(-TIME);
      const found = Float64Array.from(await decoder.next(TEXT.slice(0, n)));
      const difference = differenceOf(found, rerunLogits(graph, weights, seen, TIME));
      assert.ok(difference < 1e-5, `begun with ${begun}, off by ${difference} at ${n}`);
    }
  }
  await loaded.checkGuards();
  loaded.release();
}

for (const file of [
  'llama.tfm',
  'gpt2.tfm',
  'gemma2.tfm',
  'gallery/retention.tfm',
  'gallery/retention_recurrent.tfm',
  'gallery/short_conv.tfm',
  'gallery/unet_skips.tfm',
]) {
  test(`${file} decodes by kernels`, () => assertDecodes(file));
}

test('every operation may have a kernel of its own', () => assertDecodes('llama.tfm', { fuse: false }));

test('states may take several bindings', () =>
  assertDecodes('gallery/retention.tfm', { limits: { ...device.limits, bindingBytes: 1024 } }));

/** What is sampled, and what is said of it. */
async function sampled(compiled: Compiled, tokens: number) {
  const loaded = await load(compiled);
  const options = { temperature: 1, topK: 20, topP: undefined, prompt: 'ab', tokens, seed: 3, step: 0 };
  let text = '';
  const notes: string[] = [];
  const write = (more: string): void => {
    text += more;
  };
  const result = await sample(loaded, byteTokenizer, options, write, (note) => notes.push(note));
  loaded.release();
  return { text, notes, ...result };
}

test('a text is the same with caches and without, also when it outgrows the time', async () => {
  const text = textOf('gallery/short_conv.tfm');
  const set = [...smallSizes(text).filter((setting) => !setting.startsWith('vocab')), 'vocab=256'];
  const compiled = (purpose: 'logits' | 'decode') =>
    compileText(text, { set, limits: device.limits, purposes: [purpose] });
  const rerun = await sampled(compiled('logits'), 2 * TIME);
  const cached = await sampled(compiled('decode'), 2 * TIME);
  assert.is(cached.text, rerun.text);
  assert.is(rerun.decode, 'rerun');
  assert.is(cached.decode, 'cached');
  assert.match(cached.reason ?? '', `longer than the time of the model, ${TIME}`);
  assert.is(cached.notes.length, 1);
  const short = await sampled(compiled('decode'), TIME - 1);
  assert.equal([short.decode, short.reason, short.notes], ['cached', undefined, []]);
  assert.ok(cached.text.startsWith(short.text.slice(0, -1)));
});

test('what stands in the way of caches is told, with its place', async () => {
  const text = textOf('llama.tfm').replace(
    'final = scheme.leave(x, N)',
    'final = scheme.leave(x - mean(x, over = time), N)',
  );
  const set = [
    ...smallSizes(text).filter((setting) => !setting.startsWith('vocab')),
    'vocab=256',
    'train.causal=false',
  ];
  const { decode, reason, notes } = await sampled(
    compileText(text, { set, limits: device.limits, purposes: ['decode'] }),
    3,
  );
  assert.is(decode, 'rerun');
  assert.match(reason ?? '', /^`mean\(x, over = time\)` \(test\.tfm:\d+:\d+\) depends on later tokens/);
  assert.equal(notes, [`each token takes a run of the whole model: ${reason}`]);
});

test.run();
