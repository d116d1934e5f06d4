/** `tfm params` against arithmetic: counts, bytes, and operations for each token. */
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { weightsTable } from '../src/cli/weights-table.ts';
import type { WeightPlace } from '../src/compiler/ir/plan.ts';
import { runMain } from './support/run-cli.ts';
import { temporaryFolder } from './support/temporary.ts';

/** Products alone between an embedding and a loss, so that operations can be counted by hand. */
const SPEC = `use std.{Embedding}
model Chain(vocab: axis = 16, width: axis = 24, depth = 3)(tokens: int[batch, time], targets: int[batch, time]) {
  embed = Embedding(vocab, width)
  x = embed(tokens)
  for layer in 1..depth {
    axis to = width
    param w: [width -> to] ~ normal(0.1 / layer) { lr = 2 }
    x = (x @ w)[to -> width]
  }
  param head: [width -> vocab] ~ 0 { freeze = true }
  loss = mean(cross_entropy(x @ head, targets, over = vocab))
}
train Chain() { batch = 8; micro = 4; time = 5; steps = 1; lr = 1e-2 }
`;
const path = `${temporaryFolder({ 'chain.tfm': SPEC })}/chain.tfm`;
const [VOCAB, WIDTH] = [16, 24];

async function params(...argv: readonly string[]) {
  const { exit, out, err } = await runMain('params', path, '--json', ...argv);
  assert.is(exit, 0, err);
  return JSON.parse(out);
}

test('weights: shapes, counts, bytes, inits and attributes', async () => {
  const { weights, totals } = await params('--set', 'depth=11');
  const layers = Array.from({ length: 11 }, (_, i) => ({
    name: `layer.${i + 1}.w`,
    shape: [WIDTH, WIDTH],
    axes: ['width', 'to'],
    count: WIDTH * WIDTH,
    bytes: 4 * WIDTH * WIDTH,
    init: { kind: 'normal', std: 0.1 / (i + 1) },
    decay: 1,
    lr: 2,
    eps: 1,
    freeze: false,
  }));
  const names = weights.map((w: { name: string }) => w.name);
  assert.equal(names, ['embed.table', 'head', ...layers.map((w) => w.name)]);
  assert.equal(weights.slice(2), layers);
  const [embed, head] = weights;
  assert.equal([embed.shape, embed.count, embed.freeze], [[VOCAB, WIDTH], VOCAB * WIDTH, false]);
  assert.equal([head.shape, head.init, head.freeze], [[WIDTH, VOCAB], { kind: 'constant', value: 0 }, true]);
  assert.is(totals.parameters, 2 * VOCAB * WIDTH + 11 * WIDTH * WIDTH);
  assert.is(totals.trained, VOCAB * WIDTH + 11 * WIDTH * WIDTH);
});

test('memory is that of the plan, by use', async () => {
  const { weights, totals } = await params();
  // Each weight begins at a multiple of 256 bytes.
  const room = (all: readonly { readonly bytes: number }[]) =>
    all.reduce((n, w) => n + 256 * Math.ceil(w.bytes / 256), 0);
  const trained = weights.filter((w: { freeze: boolean }) => !w.freeze);
  const { memory } = totals;
  assert.is(memory.weights, room(weights));
  // Two micro-batches: the gradient of one, and the total.
  assert.is(memory.gradients, 2 * room(trained));
  assert.is(memory.moments, 2 * room(trained));
  // The streams of a micro-batch at the least: one for each layer, for the way back.
  assert.ok(memory.activations >= 3 * 4 * 5 * WIDTH * 4);
  assert.is(
    Object.values<number>(memory).reduce((a, b) => a + b, 0),
    totals.planned_bytes,
  );
  const whole = (await params('--set', 'train.micro=8')).totals.memory;
  assert.is(whole.gradients, room(trained));
  assert.is(whole.moments, memory.moments);
});

test('operations for each token: two for each number of a product forward, four back', async () => {
  const at = async (depth: number) => (await params('--set', `depth=${depth}`)).totals;
  const [deep, shallow] = [await at(5), await at(2)];
  const product = 2 * WIDTH * WIDTH;
  assert.is(Math.round(deep.forward_flops_per_token - shallow.forward_flops_per_token), 3 * product);
  assert.is(Math.round(deep.flops_per_token - shallow.flops_per_token), 3 * 3 * product);
  const rest = shallow.forward_flops_per_token - 2 * product - 2 * WIDTH * VOCAB;
  // The loss takes a few for each class.
  assert.ok(rest > 2 * VOCAB && rest < 12 * VOCAB, `${rest} beside the products`);
  // However a step is cut.
  const whole = (await params('--set', 'depth=5', '--set', 'train.micro=8')).totals.flops_per_token;
  assert.ok(Math.abs(whole / deep.flops_per_token - 1) < 0.03, `${whole} and ${deep.flops_per_token}`);
});

test('a model with attention takes what products and pairs of positions take, and little else', async () => {
  const llama = fileURLToPath(new URL('../examples/llama.tfm', import.meta.url));
  const { out } = await runMain('params', llama, '--json');
  const { totals } = JSON.parse(out);
  const [width, hidden, depth, vocab, time] = [96, 256, 12, 256, 64];
  const products = 2 * (depth * (4 * width * width + 3 * width * hidden) + width * vocab);
  const pairs = depth * 4 * width * ((time + 1) / 2);
  const share = totals.forward_flops_per_token / (products + pairs);
  assert.ok(share > 1 && share < 1.04, `${share}`);
  const training = totals.flops_per_token / totals.forward_flops_per_token;
  assert.ok(training > 3 && training < 3.2, `${training}`);
});

test('the text has a row for all layers that are alike, and one for each that is not', async () => {
  const { out } = await runMain('params', path);
  const rows = out.split('\n').map((line) => line.split(/ {2,}/));
  assert.equal(rows.slice(0, 6), [
    ['weight', 'shape', 'init', 'attributes', 'count', 'memory'],
    ['embed.table', '[vocab 16, width 24]', 'normal(0.02)', 'decay', '384', '1.50 KiB'],
    ['head', '[width 24, vocab 16]', '0', 'frozen', '384', '1.50 KiB'],
    ['layer.1.w', '[width 24, to 24]', 'normal(0.1)', 'decay, lr x2', '576', '2.25 KiB'],
    ['layer.2.w', '[width 24, to 24]', 'normal(0.05)', 'decay, lr x2', '576', '2.25 KiB'],
    ['layer.3.w', '[width 24, to 24]', 'normal(0.03333)', 'decay, lr x2', '576', '2.25 KiB'],
  ]);
  assert.match(out, /\n2,496 parameters, 2,112 of them trained\n[\d.]+ KiB of device memory to train\n {2}weights +/);
  assert.match(out, /\n[\d.]+ kFLOP for each token forward\n[\d.]+ kFLOP for each token of a training step\n$/);
});

test('rows are joined where only one number goes up by one', () => {
  const weight = (name: string, lr = 1): WeightPlace => ({
    name,
    shape: [2],
    axes: ['c'],
    part: 0,
    offset: 0,
    bytes: 8,
    init: { kind: 'constant', value: 1 },
    decay: 0,
    lr,
    eps: 1,
    freeze: false,
  });
  const names = ['a.1.w', 'a.2.w', 'a.4.w', 'a.3.v', 'b.1', 'b.2', 'w1', 'w2', 'c.9.w', 'c.10.w'];
  const rows = weightsTable([...names.map((n) => weight(n)), weight('b.3', 2)])
    .split('\n')
    .slice(1);
  assert.equal(
    rows.map((row) => row.split(/ {2,}/)[0]),
    ['a.1..2.w', 'a.3.v', 'a.4.w', 'b.1..2', 'b.3', 'c.9..10.w', 'w1', 'w2'],
  );
});

test.run();
