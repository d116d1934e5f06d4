/** Large values a piece at a time: what is found, that it means the same, and that memory falls. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { interpret } from '../src/backends/reference/interpret.ts';
import { compileTarget } from '../src/backends/targets.ts';
import type { Compiled, CompileRequest } from '../src/compiler/compile-request.ts';
import type { Graph, Op } from '../src/compiler/ir/graph.ts';
import type { Program } from '../src/compiler/ir/plan.ts';
import { elementsOf } from '../src/compiler/ir/tensor-type.ts';
import { allOps } from '../src/compiler/ir/walk-graph.ts';
import { verifyGraph } from '../src/compiler/ops/verify-graph.ts';
import { autodiff } from '../src/compiler/passes/autodiff.ts';
import { sizesIn } from '../src/compiler/passes/pieces/large-values.ts';
import { inPieces } from '../src/compiler/passes/pieces/pieces.ts';
import { simplify } from '../src/compiler/passes/simplify/simplify.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { compileText, PORTABLE_LIMITS } from './support/compile-text.ts';
import { assertAgrees, runOnDevice, runReference, testTokens } from './support/device-check.ts';
import { openTestDevices } from './support/devices.ts';
import { elaborated } from './support/elaborated.ts';
import { hostOf, noise } from './support/gradient-check.ts';
import { randomProgram } from './support/random-program.ts';

const VOCAB = 61;
const USE = 'use std.{Embedding, Attention, SwiGLU, Linear, RMSNorm}\nuse std.schemes.{PreNorm}\n';
const NORM = 'N = x => RMSNorm()(x)';
const PARAMETERS = `vocab: axis = ${VOCAB}, width: axis = 8, depth = 2, heads = 2, hidden: axis = 12, ${NORM}`;
const CROSS_ENTROPY = 'mean(cross_entropy(logits, targets, over = vocab), where = targets >= 0)';
const HEAD = 'logits = Linear(vocab)(final)';
const TRAIN = 'train M() { batch = 4; time = 6; steps = 3; optimizer = adam(); lr = 1e-2; clip = 1 }\n';

/** A model whose logits are larger than everything else, with this head and this loss. */
function model(head = HEAD, loss = CROSS_ENTROPY): string {
  return `${USE}model M(${PARAMETERS})(tokens: int[batch, time], targets: int[batch, time]) {
  embed = Embedding(vocab, width)
  x = PreNorm.enter(embed(tokens), N)
  for layer in 1..depth { x = PreNorm.block(x, (attn = Attention(heads), ffn = SwiGLU(hidden)), N, layer, depth) }
  final = PreNorm.leave(x, N)
  ${head}
  loss = ${loss}
}
`;
}

const MODELS: Readonly<Record<string, string>> = {
  'a head and cross-entropy': model(),
  'soft-capped logits': model('logits = 3 * tanh(Linear(vocab)(final) / 3)'),
  'tied embeddings': model('logits = final @ embed.table'),
  'a head with a bias': model('param bias: [vocab] ~ 0\n  logits = Linear(vocab)(final) + bias'),
  'dropout before the head': model('logits = Linear(vocab)(dropout(final, 0.3))'),
  'z-loss': model(HEAD, `${CROSS_ENTROPY} + 0.01 * mean(log(sum(exp(logits), over = vocab)) ^ 2)`),
  'label smoothing': model(HEAD, `0.9 * ${CROSS_ENTROPY} - 0.1 * mean(log(softmax(logits, over = vocab)))`),
  'the logit of the target, read': model(
    HEAD,
    'mean(log(sum(exp(logits), over = vocab)) - logits[vocab = max(targets, 0)], where = targets >= 0)',
  ),
  'weights by position': model(
    HEAD,
    'mean(cross_entropy(logits, targets, over = vocab) * (1 + float(index(time))), where = targets >= 0)',
  ),
  'two exits with one head': model(
    'head = Linear(vocab)\n  logits = head(final)\n  early = head(N(x * 0.5))',
    `${CROSS_ENTROPY} + 0.5 * mean(cross_entropy(early, targets, over = vocab), where = targets >= 0)`,
  ),
  'two heads': model(
    'logits = Linear(vocab)(final)\n  other = Linear(vocab)(N(x * 0.5))',
    `${CROSS_ENTROPY} + 0.5 * mean(cross_entropy(other, targets, over = vocab), where = targets >= 0)`,
  ),
};

type Step = Program['steps'][number];

const sizeOf = sizesIn('f32', { narrow: [] });
const bytesOfLogits = (batch: number, time: number): number => 4 * batch * time * VOCAB;

function jointOf(text: string, sizes: Readonly<Record<string, number>>): Graph {
  const { graph } = elaborated(text, { sizes });
  const loss = graph.outputs.filter(({ name }) => name === 'loss');
  return simplify.run(
    autodiff.run(
      simplify.run({ ...graph, outputs: loss, block: { ...graph.block, results: loss.map((o) => o.value) } }),
    ),
  );
}

interface Pieces {
  readonly graph: Graph;
  readonly notes: readonly string[];
}

function piecesOf(graph: Graph, usual: number): Pieces {
  const notes: string[] = [];
  const made = inPieces(graph, usual, sizeOf, (note) => notes.push(note));
  verifyGraph(made);
  return { graph: made, notes };
}

function outputsOf(graph: Graph): ReadonlyMap<string, Float64Array> {
  const inputs = graph.inputs.map(({ name, type }) =>
    type.kind === 'int'
      ? ([name, [...testTokens(name, elementsOf(type.axes), VOCAB)]] as const)
      : ([name, [...noise(name, elementsOf(type.axes))]] as const),
  );
  return interpret(graph, hostOf(graph, { inputs: Object.fromEntries(inputs) }));
}

function assertSame(found: ReadonlyMap<string, Float64Array>, expected: ReadonlyMap<string, Float64Array>): void {
  assert.equal([...found.keys()], [...expected.keys()]);
  for (const [name, data] of expected) {
    const size = data.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-3);
    const other = present(found.get(name), name);
    const error = data.reduce((most, v, i) => Math.max(most, Math.abs(v - (other[i] ?? Number.NaN))), 0) / size;
    assert.ok(error <= 1e-12, `${name} is off by ${error}`);
  }
}

/** The most bytes of a float that an op makes, loops apart. */
function largestFloat({ block }: Graph): number {
  const made = [...allOps(block)].filter((op: Op) => op.kind !== 'loop').flatMap((op) => op.results);
  return Math.max(...made.filter(({ type }) => type.kind === 'float').map(({ type }) => sizeOf(type)));
}

for (const [name, text] of Object.entries(MODELS)) {
  test(`${name}: loss and gradients are the same, and nothing large is made`, () => {
    // A part of the batch, of the time where the batch has one row, and where the batch has no fitting part.
    for (const [batch, time, usual, along] of [
      [4, 6, bytesOfLogits(2, 6), '2 pieces along batch'],
      [1, 24, bytesOfLogits(1, 9), '3 pieces along time'],
      [5, 6, bytesOfLogits(5, 3), '2 pieces along time'],
      [2, 12, bytesOfLogits(1, 8), '3 pieces along time'],
    ] as const) {
      const whole = jointOf(text, { batch, time });
      const { graph, notes } = piecesOf(whole, usual);
      assert.ok(largestFloat(whole) > usual && largestFloat(graph) <= usual, notes.join('\n'));
      assert.ok(notes.length > 0 && notes.every((note) => note.includes(along)), notes.join('\n'));
      assertSame(outputsOf(graph), outputsOf(whole));
    }
  });
}

test('random graphs mean the same in pieces', () => {
  let loops = 0;
  for (let seed = 0; seed < 300; seed += 1) {
    const whole = simplify.run(autodiff.run(randomProgram(seed)));
    const expected = outputsOf(whole);
    for (const usual of [0, 8]) {
      const { graph, notes } = piecesOf(whole, usual);
      const made = notes.filter((note) => note.includes('pieces along')).length;
      loops += made;
      if (made > 0) assertSame(outputsOf(graph), expected);
    }
  }
  assert.ok(loops > 50, `only ${loops} loops`);
});

test('what is asked for, or looks along all axes, or draws as much, stays whole', () => {
  const { graph } = elaborated(model(), { sizes: { batch: 4, time: 6 } });
  const logits = present(
    graph.block.ops.flatMap((op) => op.results).find((value) => value.name?.endsWith('logits.linear')),
    'the logits',
  ).id;
  const outputs = [...graph.outputs, { name: 'asked', value: logits }];
  const asked = { ...graph, outputs, block: { ...graph.block, results: outputs.map((o) => o.value) } };
  for (const [whole, reason] of [
    [asked, 'stays whole: it is asked for as a whole'],
    // Every logit is divided by the largest of all.
    [
      jointOf(model('y = Linear(vocab)(final)\n  logits = y / max(abs(y))'), { batch: 4, time: 6 }),
      'max at a.tfm:9:16 does not go by pieces of batch',
    ],
    [
      jointOf(model('logits = dropout(Linear(vocab)(final), 0.3)'), { batch: 4, time: 6 }),
      'random at std/prelude.tfm:52:57 counts from the first element',
    ],
  ] as const) {
    const { graph: left, notes } = piecesOf(whole, bytesOfLogits(2, 6));
    assert.equal(left, whole);
    assert.is(notes.length, 1);
    assert.match(notes[0] ?? '', reason);
  }
});

/** With bindings of so many bytes, the logits of the models here are large and nothing else is. */
const SMALL = { bindingBytes: 3 * 1024 };

const compiledWith = (text: string, limits: CompileRequest['limits'], set: readonly string[] = []): Compiled =>
  compileText(text + TRAIN, { limits, set });

function arenaBytes({ plan }: Compiled): number {
  return plan.segments.filter(({ role }) => role === 'arena').reduce((sum, { bytes }) => sum + bytes, 0);
}

test('less memory is planned, and the gradient of the head is added up where it lies', () => {
  const sizes = ['train.batch=8', 'train.micro=8', 'vocab=4096', 'train.time=64'];
  const logits = 4 * 8 * 64 * 4096;
  const inPieces = compiledWith(model(), PORTABLE_LIMITS, sizes);
  assert.match(inPieces.notes.join('\n'), 'logits.linear (8.00 MiB) is computed in 2 pieces along batch');
  // Half of the logits, half of their gradient, and the rest.
  assert.ok(arenaBytes(inPieces) < 1.25 * logits, `${arenaBytes(inPieces)}`);
  const { weights, programs, kernels } = inPieces.plan;
  const { part, offset } = present(
    weights.find((w) => w.name.endsWith('linear.w')),
    'the head',
  );
  const launches = present(programs.micro, 'micro').steps.flatMap((step): readonly Step[] =>
    step.kind === 'loop' ? step.body : [step],
  );
  const ofHead = launches.flatMap((step) =>
    step.kind === 'launch' ? step.addresses.filter((a) => a.segment === `gradients${part}` && a.offset === offset) : [],
  );
  // Zeros, and what adds to them: one binding, no copy.
  assert.is(ofHead.length, 2);
  assert.ok(!kernels.some(({ name }) => name === 'copy_rows'));
  const whole = compiledWith(model(), { ...PORTABLE_LIMITS, deviceClass: 'gpu' }, sizes);
  assert.ok(!whole.notes.some((note) => note.includes('pieces')), 'a GPU does it at once');
  assert.ok(arenaBytes(whole) > 2 * logits);
});

test('programs that give logits give them whole; evaluation makes pieces of its own', () => {
  const { fused, notes } = compileText(model() + TRAIN, {
    limits: { ...PORTABLE_LIMITS, ...SMALL },
    purposes: ['train', 'evaluate', 'logits'],
    sizes: { batch: 4 },
  });
  const loopsOver = (program: string): readonly string[] =>
    present(fused[program], program).steps.flatMap((step) => (step.kind === 'loop' ? [step.op.attrs.axis.name] : []));
  assert.equal(loopsOver('micro'), ['layer', 'piece', 'layer']);
  assert.equal(loopsOver('evaluate'), ['layer', 'piece']);
  assert.equal(loopsOver('logits'), ['layer']);
  assert.equal(notes.filter((note) => note.includes('pieces')).length, 1);
});

for (const { name, device } of await openTestDevices()) {
  const limits = { ...device.limits, ...SMALL };
  for (const [what, text] of Object.entries(MODELS)) {
    test(`${what}: kernels on ${name} against the interpreter`, async () => {
      const compiled = compileText(text + TRAIN, { limits, target: compileTarget(device.target) });
      assert.match(compiled.notes.join('\n'), /in [23] pieces along/);
      const expected = runReference(present(compiled.graphs.micro, 'a graph'), VOCAB);
      assertAgrees(await runOnDevice(device, compiled, VOCAB), expected, what);
    });
  }

  test(`micro-batches in pieces on ${name}`, async () => {
    const set = ['train.batch=8', 'train.micro=4'];
    const target = compileTarget(device.target);
    const whole = compileText(model() + TRAIN, { set: ['train.batch=8', 'train.micro=8'] });
    const compiled = compileText(model() + TRAIN, { set, limits, target });
    assert.match(compiled.notes.join('\n'), /in [23] pieces along/);
    const expected = runReference(present(whole.graphs.micro, 'a graph'), VOCAB);
    assertAgrees(await runOnDevice(device, compiled, VOCAB), expected, 'two micro-batches');
  });

  test.after(() => device.close());
}

test.run();
