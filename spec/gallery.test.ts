/**
 * Every example and every file of the gallery: it compiles without a warning at its own size; at a small one its gradient is held to
 * differences of the float64 loss, and loss, gradients and three optimizer steps of its kernels to the float64 interpreter.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { interpret } from '../src/backends/reference/interpret.ts';
import { openWebGpu } from '../src/backends/wgsl/device.ts';
import type { Compiled } from '../src/compiler/compile-request.ts';
import type { WeightId } from '../src/compiler/ir/graph.ts';
import { referenceGraph } from '../src/compiler/reference-graph.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { makeSource } from '../src/compiler/support/source.ts';
import { parse } from '../src/compiler/syntax/parse.ts';
import { computeGradients } from '../src/runtime/grad.ts';
import { initialValues } from '../src/runtime/init.ts';
import { referenceGradients } from '../src/runtime/reference-grad.ts';
import type { TensorFile } from '../src/runtime/safetensors.ts';
import { floatTensor, numbersOf } from '../src/runtime/tensor-values.ts';
import { compileText } from './support/compile-text.ts';
import { matchesGolden } from './support/golden.ts';
import { noise } from './support/gradient-check.ts';
import { runMain } from './support/run-cli.ts';

const folder = new URL('../examples/', import.meta.url);
const specsIn = (path: string): readonly string[] =>
  readdirSync(new URL(path, folder)).flatMap((name) => (name.endsWith('.tfm') ? [`${path}${name}`] : []));
const gallery = specsIn('gallery/');
const examples = specsIn('./').map((file) => file.slice(2));
const files = [...examples, ...gallery];
const textOf = (file: string): string => readFileSync(new URL(file, folder), 'utf8');

const [VOCAB, ROWS, TIME, STEPS] = [13, 2, 7, 3];
const SIZES = [`vocab=${VOCAB}`, 'width=24', 'heads=4', 'hidden=20', 'depth=4'];
const OWN_SETTINGS = [`train.batch=${ROWS}`, `train.micro=${ROWS}`, `train.time=${TIME}`];
const tokens = Int32Array.from({ length: ROWS * TIME }, (_, i) => (5 * i + 3) % VOCAB);
const targets = tokens.map((t, i) => (i % 5 === 4 ? -1 : (t * t + 1) % VOCAB));
const PURPOSES = ['train', 'logits'] as const;

/** Settings for a small size, of the parameters that a spec has. */
function small(text: string): readonly string[] {
  const has = (setting: string): boolean => new RegExp(`\\b${setting.split('=')[0]}(: axis)? = `).test(text);
  return [...SIZES.filter(has), ...OWN_SETTINGS];
}

const device = await openWebGpu({ notify: () => {} });

type Weights = ReadonlyMap<string, Float64Array>;

/** Weights that matter: what they begin with, and noise. */
function weightsOf({ plan }: Compiled): Weights {
  return new Map(
    plan.weights.map((place) => {
      const moved = noise(place.name, place.bytes / 4);
      return [place.name, Float64Array.from(initialValues(place, 1), (x, i) => Math.fround(x + 0.2 * (moved[i] ?? 0)))];
    }),
  );
}

/** What `tfm grad` is given. */
function gradJob({ plan, train }: Compiled, weights: Weights) {
  const tensors = plan.weights.map(
    ({ name, shape }) => [name, floatTensor(Float32Array.from(present(weights.get(name), name)), shape)] as const,
  );
  return {
    weights: { tensors: new Map(tensors), metadata: {} },
    weightsPath: 'weights',
    batch: { rows: ROWS, time: TIME, tokens, targets },
    names: new Map<string, string>(),
    config: present(train, 'a train block'),
    steps: STEPS,
  };
}

const graphOf = ({ graphs }: Compiled) => referenceGraph(present(graphs.micro, 'the graph of a batch'));
const get = (file: TensorFile, name: string): Float64Array =>
  Float64Array.from(numbersOf(present(file.tensors.get(name), name)));
const norm = (x: Float64Array): number => Math.sqrt(x.reduce((sum, v) => sum + v * v, 0));

function assertNear(found: TensorFile, expected: TensorFile, name: string, limit: number, floor = 1e-12): void {
  const [a, b] = [get(found, name), get(expected, name)];
  assert.is(a.length, b.length, name);
  const error = norm(a.map((v, i) => v - (b[i] ?? Number.NaN))) / Math.max(norm(b), floor);
  assert.ok(error <= limit, `${name} is off by ${error}`);
}

for (const file of files) {
  test(`${file} at its own size`, () => {
    const { warnings, plan } = compileText(textOf(file), { purposes: ['train', 'evaluate', 'logits', 'probes'] });
    assert.equal(warnings, []);
    assert.ok(plan.kernels.length > 0);
  });

  test(`${file}: its kernels against the interpreter`, async () => {
    const text = textOf(file);
    const compiled = compileText(text, { set: small(text), purposes: PURPOSES, limits: device.limits });
    const job = gradJob(compiled, weightsOf(compiled));
    const expected = referenceGradients({ ...job, micro: graphOf(compiled), logits: compiled.graphs.logits });
    const loaded = await device.load(compiled.plan, compiled.texts, { poison: true });
    const found = await computeGradients({ ...job, loaded, lost: device.lost });
    await loaded.checkGuards();
    loaded.release();
    assertNear(found, expected, 'loss', 1e-5);
    assertNear(found, expected, 'logits', 5e-5);
    const floor = 1e-4 * norm(get(expected, 'grad_norm'));
    for (const name of expected.tensors.keys())
      if (name.startsWith('grad.')) assertNear(found, expected, name, 5e-4, floor);
    assert.is(get(found, 'losses').length, STEPS);
    assertNear(found, expected, 'losses', 1e-4);
  });

  test(`${file}: its gradient against differences of the loss`, () => {
    // What stops a gradient has another one than its value says; all the rest is checked with nothing stopped.
    const text = textOf(file).replaceAll('stop_gradient(', 'id(');
    const compiled = compileText(text, { set: small(text) });
    const graph = graphOf(compiled);
    const values = weightsOf(compiled);
    const weights = new Map(
      graph.weights.map((w): [WeightId, Float64Array] => [
        w.id,
        Float64Array.from(w.members.flatMap((m) => [...present(values.get(m.name), m.name)])),
      ]),
    );
    const inputs = new Map(Object.entries({ tokens, targets }).map(([name, data]) => [name, Float64Array.from(data)]));
    const run = (at: typeof weights) =>
      interpret(graph, { inputs, weights: at, runtime: { step: 20, lr: 0 }, seed: 7, micro: 0 });
    const found = run(weights);
    for (const { id, members } of graph.weights) {
      if (members.every((m) => m.freeze)) continue;
      const start = present(weights.get(id), id);
      const direction = noise(`d ${id}`, start.length);
      const lossAt = (h: number): number => {
        const moved = start.map((v, i) => v + h * (direction[i] ?? 0));
        return present(run(new Map([...weights, [id, moved]])).get('loss')?.[0], 'loss');
      };
      // Of fourth order, because some losses bend much.
      const h = 1e-5;
      const [near, far] = [lossAt(h) - lossAt(-h), lossAt(2 * h) - lossAt(-2 * h)];
      const difference = (8 * near - far) / (12 * h);
      const slope = present(found.get(`grad.${id}`), `gradient of ${id}`).reduce(
        (sum, g, i) => sum + g * (direction[i] ?? 0),
        0,
      );
      const error = Math.abs(difference - slope);
      assert.ok(error <= 1e-6 * Math.abs(slope) + 1e-8, `${id}: ${difference} is not ${slope}`);
    }
  });
}

test('models have the numbers of parameters that were published', async () => {
  let held = 0;
  for (const file of examples) {
    const [, parameters, settings] = /, ([\d,]+) parameters:\n\/\/ +tfm params \S+ (.*)/.exec(textOf(file)) ?? [];
    if (parameters === undefined || settings === undefined) continue;
    const path = fileURLToPath(new URL(file, folder));
    const { exit, out, err } = await runMain('params', path, '--json', ...settings.split(' '));
    assert.is(exit, 0, err);
    assert.is(JSON.parse(out).totals.parameters, Number(parameters.replaceAll(',', '')), file);
    held += 1;
  }
  assert.is(held, 6);
});

test('the table of the gallery', () => {
  const rows = gallery.map((path) => {
    const file = path.replace('gallery/', '');
    const { file: ast } = parse(makeSource(path, textOf(path)));
    const docs = ast.items.flatMap((item) => ('doc' in item && item.doc ? [item.doc] : []));
    // The comment that says where it is from.
    const doc = present(
      docs.find((text) => /arXiv|\b(19|20)\d\d\b/.test(text)),
      `the paper of ${file}`,
    );
    return `| [${file.replace('.tfm', '')}](${file}) | ${doc.replaceAll('\n', ' ')} |`;
  });
  const head = `# Gallery

Published ways to build a transformer, each in a file of its own that trains as it is, with the paper that it is from:

    npx tfm train examples/gallery/lns.tfm
    npx tfm compile examples/gallery/lns.tfm --explain

| file | what it is |
|---|---|
`;
  matchesGolden('../../examples/gallery/README.md', `${head}${rows.join('\n')}\n`);
});

test.run();
