/** `tfm bench`: every kernel of a step is timed, with all of its launches. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ceilingOf, productsOf } from '../bench/ceiling.ts';
import { medianInterval } from '../bench/median.ts';
import { MICRO_CASES } from '../bench/micro-cases.ts';
import { readmeWithResults } from '../bench/readme.ts';
import { report } from '../bench/report.ts';
import { SIZES } from '../bench/sizes.ts';
import { stepWork } from '../src/compiler/ir/plan-totals.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { compile } from '../src/index.ts';
import { withKernelPrograms } from '../src/runtime/profile/kernel-programs.ts';
import { norm, runReference } from './support/device-check.ts';
import { runMain } from './support/run-cli.ts';
import { temporaryFolder } from './support/temporary.ts';

const BIGRAM = `model Bigram(vocab: axis = 16, depth = 3)(tokens: int[batch, time], targets: int[batch, time]) {
  axis next = vocab
  param table: [vocab -> next] ~ normal(0.1)
  x = table[vocab = tokens]
  for layer in 1..depth {
    param gain: [next] ~ 1
    x = tanh(x * gain)
  }
  loss = mean(cross_entropy(x[next -> vocab], targets, over = vocab))
}
train Bigram() {
  batch = 4
  micro = 2
  time = 8
  steps = 10
}
`;

const folder = temporaryFolder({ 'bigram.tfm': BIGRAM });
const path = join(folder, 'bigram.tfm');

test('the programs of the kernels together are a step', () => {
  const { plan } = compile(path);
  assert.is(plan.accumulation, 2);
  const { plan: split, uses } = withKernelPrograms(plan);
  const launches = uses.reduce((sum, use) => sum + use.launches, 0);
  assert.is(launches, stepWork(plan).launches);
  assert.equal(
    uses.map(({ entry }) => entry),
    [...new Set(uses.map(({ entry }) => entry))],
  );
  for (const { program } of uses) assert.ok(split.programs[program]);
});

test('it tells of each kernel what it took, and of the device what it can', async () => {
  const { exit, out } = await runMain('bench', path, '--rounds', '1', '--json');
  assert.is(exit, 0);
  const said = JSON.parse(out);
  assert.is(said.format_version, 1);
  assert.ok(said.step_ms > 0 && said.attainable.bytes_per_second > 1e6 && said.attainable.flops_per_second > 1e6);
  const names = said.kernels.map(({ kernel }: { kernel: string }) => kernel);
  assert.ok(names.includes('adam'), names.join(' '));
  for (const { ms, bytes, launches } of said.kernels) assert.ok(ms > 0 && bytes > 0 && launches > 0);
  const text = (await runMain('bench', path, '--rounds', '1')).out;
  assert.match(text, /^kernel +launches +ms/);
  assert.match(text, /adam/);
});

test('the tables of bench/README.md are those of its newest results', () => {
  const bench = new URL('../bench/', import.meta.url);
  assert.is(readFileSync(new URL('README.md', bench), 'utf8'), readmeWithResults(bench));
});

test('the median of twenty lies between the sixth and the fifteenth, with a confidence of 95 %', () => {
  const values = Array.from({ length: 20 }, (_, i) => (7 * i) % 20);
  assert.equal(medianInterval(values), [5, 14]);
  assert.equal(medianInterval([3, 1, 2]), [1, 3]);
});

test('the tables of single functions say how many times faster ours is, round by round', () => {
  const result = (program: string, rounds: readonly number[]) => ({
    program,
    losses: [1],
    coldStartMs: 1,
    warmStartMs: 1,
    rounds,
    steps: [rounds],
    encodeMs: undefined,
    dispatches: undefined,
    submits: undefined,
    gpuPeakBytes: undefined,
    peakRssBytes: 0,
  });
  const [first] = MICRO_CASES;
  assert.ok(first?.flops === 3 * 2 * 256 ** 3);
  const programs = [result('tfm', [10, 20, 40]), result('jax-js webgpu', [40, 40, 40])];
  const machine = { cpu: '', cores: 2, node: '', adapter: '', driver: '', slug: '' };
  const text = report({ format_version: 1, date: '', machine, steps: {}, micro: [{ case: first, programs }] });
  assert.match(text, /\| product 256 \| 20\.0 \| 5\.0 \| 40\.0 \| 2\.00x \[1\.00-4\.00\] \|/);
});

test('every single function of the benchmark is a program', () => {
  for (const { kind, set, weights } of MICRO_CASES) {
    const settings = Object.entries(set).map(([name, value]) => `${name}=${value}`);
    const { plan } = compile(fileURLToPath(new URL(`../bench/micro/${kind}.tfm`, import.meta.url)), { set: settings });
    for (const { name, shape } of plan.weights) assert.equal(shape, weights[name], name);
  }
});

test('attention written out is the same function', () => {
  const [fused, unfused] = ['attention', 'attention-unfused'].map((name) => {
    const spec = fileURLToPath(new URL(`../bench/micro/${name}.tfm`, import.meta.url));
    const { graphs } = compile(spec, { set: ['heads=2', 'head=5', 'train.time=7'] });
    return runReference(present(graphs.micro, 'a graph'), 1);
  });
  assert.ok(fused && unfused && Math.abs(fused.loss - unfused.loss) < 1e-12 * fused.loss, 'losses');
  for (const [name, gradient] of fused.gradients) {
    const other = present(unfused.gradients.get(name), name);
    assert.ok(gradient.length === 2 * 7 * 5 && norm(gradient) > 0, name);
    assert.ok(norm(gradient.map((g, i) => g - (other[i] ?? 0))) < 1e-12 * norm(gradient), name);
  }
});

test('the ceiling of a step is what its products take', () => {
  const { S } = SIZES;
  const uses = S ? productsOf(S).map((use) => ({ ...use, rounds: [1, 2, 30] })) : [];
  assert.is(ceilingOf(uses).ms, 2 * (4 * 4 + 1));
  const flops = uses.reduce((sum, { count, case: { flops } }) => sum + count * flops, 0);
  assert.is(flops, 3 * 2 * 1024 * (4 * (4 * 128 * 128 + 3 * 128 * 344) + 128 * 256));
});

test.run();
