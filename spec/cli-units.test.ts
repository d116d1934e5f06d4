/** Small parts of the command line that need no device. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { budgetOf, LEAST_STEPS, LIMIT_SECONDS, TARGET_SECONDS } from '../src/cli/demo/budget.ts';
import { duration } from '../src/cli/progress.ts';
import { renderReport } from '../src/cli/report.ts';
import { defaultRunPath } from '../src/cli/run-path.ts';
import { table } from '../src/cli/table.ts';
import { harmless } from '../src/cli/terminal.ts';
import { wrap } from '../src/cli/wrap.ts';
import { readCompiledFolder, writeCompiledFolder } from '../src/runtime/compiled-folder.ts';
import { nodeFiles } from '../src/runtime/files.ts';
import { adamStep } from '../src/runtime/reference-adam.ts';
import { CONFIG } from './support/bigram-job.ts';
import { failsWith } from './support/failures.ts';
import { fakePlan } from './support/fake-plan.ts';
import { temporaryFolder } from './support/temporary.ts';

test('the demonstration fits into its time on any driver, or says that it cannot', () => {
  const sizes = { batch: 8, time: 64, evalTokens: 4096 };
  for (const step of [1e-4, 0.01, 0.3, 1, 2.2, 3, 5]) {
    for (const start of [0.5, 10, 30]) {
      const forward = step / 24;
      const budget = budgetOf({ start, step, forward }, sizes);
      if (budget === undefined) {
        assert.ok(start + LEAST_STEPS * step > 0.7 * LIMIT_SECONDS);
        continue;
      }
      const { steps, every, evalTokens, sampled } = budget;
      assert.ok(steps >= LEAST_STEPS && evalTokens >= sizes.batch * sizes.time && evalTokens <= sizes.evalTokens);
      const validation = Math.ceil(steps / every) * (evalTokens / sizes.time) * forward;
      const seconds = start + steps * step + validation + sampled * forward;
      assert.ok(seconds <= LIMIT_SECONDS, `${seconds} s for steps of ${step}`);
    }
  }
  assert.is(budgetOf({ start: 1, step: TARGET_SECONDS, forward: 1 }, sizes), undefined);
});

test('a run goes into a folder of its own, and resumes in the last', () => {
  const here = process.cwd();
  process.chdir(temporaryFolder());
  try {
    assert.is(defaultRunPath('specs/llama.tfm', false), join('runs', 'llama'));
    mkdirSync('runs/llama', { recursive: true });
    assert.is(defaultRunPath('specs/llama.tfm', false), join('runs', 'llama-2'));
    assert.is(defaultRunPath('specs/llama.tfm', true), join('runs', 'llama'));
  } finally {
    process.chdir(here);
  }
});

test('text is laid out, and cannot steer a terminal', () => {
  assert.is(
    table(
      [
        ['a', '10'],
        ['bcd', '2'],
      ],
      'lr',
    ),
    'a    10\nbcd   2',
  );
  assert.is(wrap('one two three', 7), 'one two\nthree');
  assert.is(duration(3723), '1:02:03');
  assert.is(harmless('a\u001b[2Jb\n'), 'a[2Jb\n');
});

test('the report fetches nothing, and names of a spec cannot become markup', () => {
  const run = { losses: [[1, 2]], validation: [], probes: { 'v</script>': [1, 2] }, sample: '<b>', facts: [] } as const;
  const html = renderReport({ title: '<i>', notes: [], runs: [{ ...run, name: 'a & b' }] });
  assert.not.match(html, /<(link|img|script)[^>]*(href|src)=/);
  assert.is(html.match(/<\/script>/g)?.length, 2);
  assert.not.match(html, '<b>');
  assert.not.match(html, '<i>');
});

test('a compiled folder comes back as it was written, and a damaged one is refused', () => {
  const plan = fakePlan({ vocab: 8, time: 4, rows: 2, accumulation: 2, optimizer: CONFIG.optimizer });
  const home = temporaryFolder();
  const path = join(home, 'compiled');
  const content = {
    plan,
    texts: {},
    train: CONFIG,
    dataFolder: home,
    spec: { 'model.tfm': 'model' },
    trainer: 'trainer',
  };
  writeCompiledFolder(nodeFiles, path, content);
  const read = readCompiledFolder(nodeFiles, path);
  assert.equal(JSON.stringify(read.plan), JSON.stringify(plan));
  assert.equal(JSON.stringify(read.train), JSON.stringify(CONFIG));
  assert.is(read.dataFolder, home);
  const escaping = { ...plan, kernels: [{ file: '../secret' }] };
  nodeFiles.remove(join(path, 'plan.json'));
  writeText(join(path, 'plan.json'), JSON.stringify(escaping));
  failsWith('folder-not-compiled', 1, () => readCompiledFolder(nodeFiles, path));
  writeText(join(path, 'plan.json'), '{');
  failsWith('folder-not-compiled', 1, () => readCompiledFolder(nodeFiles, path));
});

test('Adam of the reference: one step by hand, with both clips', () => {
  const member = {
    name: 'w',
    init: { kind: 'constant', value: 0 },
    lr: 2,
    eps: 1,
    decay: 1,
    clip: 0.25,
    freeze: false,
  } as const;
  const weight = { member, values: Float64Array.of(1), moment1: Float64Array.of(0), moment2: Float64Array.of(0) };
  const optimizer = { kind: 'adam', beta1: 0.9, beta2: 0.99, eps: 0.125, decay: 0.5 } as const;
  adamStep([weight], () => Float64Array.of(-4), { optimizer, clip: 2, lr: { kind: 'number', value: 0.1 } }, 0);
  // The gradient is clipped to -2, then to -0.25; corrected moments are -0.25 and 0.0625.
  const expected = 1 * (1 - 0.2 * 0.5) - 0.2 * (-0.25 / (0.25 + 0.125));
  assert.ok(Math.abs((weight.values[0] ?? 0) - expected) < 1e-12);
});

function writeText(path: string, text: string): void {
  const fd = nodeFiles.open(path, 'w');
  nodeFiles.write(fd, new TextEncoder().encode(text));
  nodeFiles.close(fd);
}

test.run();
