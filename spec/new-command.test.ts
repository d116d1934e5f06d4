/** `tfm new`: each template gives a project whose README is right, which passes a check and trains. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { projectFiles, TEMPLATES } from '../src/cli/new/templates.ts';
import { writeProject } from '../src/cli/new/write-project.ts';
import { EXIT, Failure } from '../src/compiler/diagnostics/diagnostic.ts';
import { failsWith } from './support/failures.ts';
import { type Fault, faultyFiles } from './support/faulty-files.ts';
import { runMain } from './support/run-cli.ts';
import { temporaryFolder } from './support/temporary.ts';

const FILES = ['.gitignore', 'README.md', 'data/sample.txt', 'model.tfm'];
const filesIn = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))
    .sort();

const SHALLOW = ['--set', 'depth=2'];
/** What makes commands take less time. */
const QUICK: Readonly<Record<string, readonly string[]>> = {
  train: [...SHALLOW, '--set', 'train.steps=3', '--set', 'train.log_every=1', '--set', 'train.batch=2'],
  params: SHALLOW,
  compile: SHALLOW,
  sample: [...SHALLOW, '--tokens', '4'],
};

/** The commands that a README shows, as words. */
const commandsIn = (readme: string): readonly (readonly string[])[] =>
  [...readme.matchAll(/^tfm (.*?)(?: {2,}.*)?$/gm)].map(([, words = '']) =>
    [...words.matchAll(/"([^"]*)"|\S+/g)].map(([word, quoted]) => quoted ?? word),
  );

async function within<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const before = process.cwd();
  process.chdir(folder);
  return work().finally(() => process.chdir(before));
}

for (const { name } of TEMPLATES) {
  test(`${name}: the project checks without a warning, has the canonical form, and trains as its README says`, async () => {
    const folder = join(temporaryFolder(), 'my-model');
    const made = await runMain('new', folder, '--template', name);
    assert.is(made.exit, 0, made.err);
    assert.is(made.out, `${folder}: ${FILES.join(', ')}\n`);
    assert.equal(filesIn(folder), FILES);
    const readme = readFileSync(join(folder, 'README.md'), 'utf8');
    assert.match(readme, /^# my-model\n/);
    assert.not.match(readme, '{{');
    const commands = commandsIn(readme);
    assert.ok(commands.length >= 5);
    await within(folder, async () => {
      const checked = await runMain('check', 'model.tfm', '--deny-warnings');
      assert.is(checked.exit, 0, checked.err);
      assert.is((await runMain('fmt', '--check', '.')).exit, 0);
      for (const words of commands) {
        const result = await runMain(...words, ...(QUICK[words[0] ?? ''] ?? []));
        assert.is(result.exit, 0, `${words.join(' ')}: ${result.err}`);
        if (words[0] !== 'train') continue;
        const run = words[words.indexOf('--out') + 1] ?? '';
        assert.ok(existsSync(join(run, 'report.html')));
        const losses = readFileSync(join(run, 'metrics.jsonl'), 'utf8')
          .trim()
          .split('\n')
          .map((line): { kind: string; loss: number } => JSON.parse(line))
          .flatMap(({ kind, loss }) => (kind === 'step' ? [loss] : []));
        assert.ok(losses.length >= 3 && losses.every((loss) => loss > 0 && loss < 7), `${losses}`);
      }
    });
  });
}

test('the first template is that of no choice, and --list says what there is', async () => {
  const folder = join(temporaryFolder(), 'a', 'b');
  const { exit, out } = await runMain('new', folder, '--json');
  assert.is(exit, 0);
  assert.equal(JSON.parse(out), { format_version: 1, folder, template: TEMPLATES[0].name, files: FILES });
  for (const { name, summary } of TEMPLATES)
    assert.match((await runMain('new', '--list')).out, new RegExp(`^${name} +${summary}$`, 'm'));
  assert.equal(JSON.parse((await runMain('new', '--list', '--json')).out), { format_version: 1, templates: TEMPLATES });
});

test('what is there is not touched, and what is asked for has to be known', async () => {
  const folder = temporaryFolder({ 'mine/model.tfm': 'a = 1\n', file: '' });
  for (const taken of ['mine', 'mine/', 'file']) {
    const { exit, err } = await runMain('new', join(folder, taken));
    assert.is(exit, 2);
    assert.match(err, '[folder-exists]');
  }
  assert.equal(filesIn(folder), ['file', 'mine/model.tfm']);
  const unnamed = await runMain('new');
  assert.equal([unnamed.exit, unnamed.err.includes('[folder-unnamed]')], [2, true]);
  const unknown = await runMain('new', join(folder, 'new'), '--template', 'lama');
  assert.is(unknown.exit, 2);
  assert.match(unknown.err, /llama, gpt2, lns/);
  const within = await runMain('new', join(folder, 'file', 'new'));
  assert.is(within.exit, 3);
  assert.match(within.err, '[folder-unwritable]');
  assert.equal(filesIn(folder), ['file', 'mine/model.tfm']);
});

test('a project is made whole or not at all', () => {
  const content = projectFiles('lns', 'new');
  for (const fault of ['EIO', 'ENOSPC'] satisfies readonly Fault[]) {
    // The first call asks whether it is there.
    let at = 2;
    for (let made = false; !made; at++) {
      const folder = temporaryFolder();
      try {
        writeProject(faultyFiles(at, fault).files, join(folder, 'new'), content);
        made = true;
        assert.equal(filesIn(join(folder, 'new')), FILES);
      } catch (error) {
        assert.ok(error instanceof Failure);
        assert.equal(readdirSync(folder), [], `${fault} at call ${at}`);
      }
    }
    assert.ok(at > 10);
  }
  const folder = temporaryFolder();
  failsWith('folder-unwritable', EXIT.environment, () =>
    writeProject(faultyFiles(3, 'EIO').files, join(folder, 'new'), content),
  );
});

test.run();
