/** Specs of several files: what `use "./file.tfm"` takes, what it refuses, and that runs keep copies of all files. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { check, compile } from '../src/index.ts';
import { runMain } from './support/run-cli.ts';
import { temporaryFolder } from './support/temporary.ts';

const MODEL = `
model Tiny(vocab: axis = 256, width: axis = 8, depth = 3)(tokens: int[batch, time], targets: int[batch, time]) {
  embed = Embedding(vocab, width)
  x = embed(tokens)
  for layer in 1..depth { x = SCHEME.block(x, (ffn = SwiGLU(12),), x => RMSNorm()(x), layer, depth) }
  logits = Linear(vocab)(RMSNorm()(x))
  loss = mean(cross_entropy(logits, targets, over = vocab), where = targets >= 0)
}
train Tiny() { data = text("*.txt", tokenizer = bytes); batch = 2; time = 8; steps = 2; lr = 1e-3; save_every = 2 }
`;
const STD = 'use std.{Embedding, Linear, RMSNorm, SwiGLU}\n';
const main = (use: string, scheme = 'Mine'): string => `${STD}${use}\n${MODEL.replace('SCHEME', scheme)}`;
const SCHEMES = `use std.schemes.{Scheme}
use "../math.tfm".{damp}
_base = 2
Mine = Scheme(site = (x, f, N, l, L) => x + f(damp(N(x), l)))
`;
const MATH = '/// x / sqrt(l).\nfn damp(x, l) = x / sqrt(l)\n';
const USE = 'use "./lib/schemes.tfm".{Mine}';

/** A project: package.json marks its root. */
function project(files: Readonly<Record<string, string>>): string {
  return temporaryFolder({ 'package.json': '{}', ...files });
}

const good = project({
  'model.tfm': main(USE),
  'lib/schemes.tfm': SCHEMES,
  'math.tfm': MATH,
  'text.txt': 'the quick brown fox. '.repeat(60),
});

test('a spec of three files has the kernels and weights of the same spec in one', () => {
  const one = `${STD}use std.schemes.{Scheme}\n${MATH}Mine = Scheme(site = (x, f, N, l, L) => x + f(damp(N(x), l)))\n${MODEL.replace('SCHEME', 'Mine')}`;
  const [several, single] = [compile(join(good, 'model.tfm')), compile({ path: 'one.tfm', text: one })];
  const hashes = (of: typeof single): readonly string[] => of.plan.kernels.map((k) => k.hash);
  assert.equal(hashes(several), hashes(single));
  assert.equal(several.plan.weights, single.plan.weights);
  assert.equal(
    several.files.map(({ path }) => path),
    ['model.tfm', 'lib/schemes.tfm', 'math.tfm'].map((name) => join(good, name)),
  );
});

test('a text with a path uses the files beside that path', () => {
  const spec = { path: join(good, 'other.tfm'), text: main('use "./lib/schemes.tfm".{Mine}') };
  assert.equal(check(spec), []);
});

test('--set reads the names of used files that the spec names', async () => {
  const { exit, err } = await runMain('check', join(good, 'model.tfm'), '--set', 'depth=4');
  assert.is(exit, 0, err);
});

test('runs and compiled folders keep copies that compile again', async () => {
  const run = join(good, 'run');
  const compiled = join(good, 'compiled');
  const trained = await runMain('train', join(good, 'model.tfm'), '--out', run, '--quiet');
  assert.is(trained.exit, 0, trained.err);
  const made = await runMain('compile', join(good, 'model.tfm'), '--out', compiled);
  assert.is(made.exit, 0, made.err);
  const kernels = compile(join(good, 'model.tfm')).plan.kernels;
  for (const folder of [run, compiled]) {
    assert.is(readFileSync(join(folder, 'spec/lib/schemes.tfm'), 'utf8'), SCHEMES);
    assert.is(readFileSync(join(folder, 'model.tfm'), 'utf8'), main(USE));
    assert.equal(compile(join(folder, 'spec/model.tfm')).plan.kernels, kernels);
  }
});

/** The rendered diagnostics of a project's model.tfm, with the folder's path cut. */
async function refused(files: Readonly<Record<string, string>>, prepare: (folder: string) => void = () => {}) {
  const folder = project(files);
  prepare(folder);
  const { exit, err } = await runMain('check', join(folder, 'model.tfm'));
  assert.is(exit, 1, err);
  return err.replaceAll(folder, '').replaceAll(/\n+$/g, '');
}

test('a file that is not there, with what was meant', async () => {
  assert.is(
    await refused({ 'model.tfm': main('use "./lib/scheme.tfm".{Mine}'), 'lib/schemes.tfm': SCHEMES, 'math.tfm': MATH }),
    `/model.tfm:2:1: error: \`./lib/scheme.tfm\` cannot be used: it does not exist [file-unreadable]
 2 │ use "./lib/scheme.tfm".{Mine}
   │ ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  help: did you mean \`./lib/schemes.tfm\`?`,
  );
});

test('files that use each other', async () => {
  assert.is(
    await refused({
      'model.tfm': main('use "./a.tfm".{Mine}'),
      'a.tfm': 'use "./b.tfm".{y}\nMine = y\n',
      'b.tfm': 'use "./a.tfm".{Mine}\ny = Mine\n',
    }),
    `/b.tfm:1:1: error: files use each other: /a.tfm -> /b.tfm -> /a.tfm [files-use-each-other]
 1 │ use "./a.tfm".{Mine}
   │ ^^^^^^^^^^^^^^^^^^^^
  help: move what both need to a third file`,
  );
});

test('a name that a file lacks or keeps to itself, used or not', async () => {
  const found = await refused({
    'model.tfm': main('use "./lib/schemes.tfm".{Mine, _base, Mimne}'),
    'lib/schemes.tfm': SCHEMES,
    'math.tfm': MATH,
  });
  assert.match(found, 'error: `./lib/schemes.tfm` has no `_base` [unknown-export]');
  assert.match(found, 'error: `./lib/schemes.tfm` has no `Mimne` [unknown-export]');
  assert.match(found, 'help: did you mean `Mine`?');
});

test('the syntax errors of a used file are shown in it', async () => {
  const found = await refused({ 'model.tfm': main('use "./a.tfm".{Mine}'), 'a.tfm': 'Mine = (\n' });
  assert.match(found, '/a.tfm:');
  assert.not.match(found, '/model.tfm:');
});

test('nothing outside of the project, by no way', async () => {
  const outside = temporaryFolder({ 'far.tfm': 'Mine = 1\n' });
  const far = join(outside, 'far.tfm');
  assert.match(await refused({ 'model.tfm': main(`use "${far}".{Mine}`) }), 'cannot be used: its path is absolute');
  assert.match(await refused({ 'model.tfm': main('use "../far.tfm".{Mine}') }), 'cannot be used: it is outside of');
  const linked = await refused({ 'model.tfm': main('use "./lib/far.tfm".{Mine}') }, (folder) =>
    symlinkSync(outside, join(folder, 'lib')),
  );
  assert.match(linked, 'cannot be used: it is outside of');
});

test('what is no file of text', async () => {
  const folder = await refused({ 'model.tfm': main('use "./lib".{Mine}') }, (at) => mkdirSync(join(at, 'lib')));
  assert.match(folder, '`./lib` cannot be used: it is not a file');
  const bytes = await refused({ 'model.tfm': main('use "./bytes.tfm".{Mine}') }, (at) =>
    writeFileSync(join(at, 'bytes.tfm'), Uint8Array.of(0xff, 0xfe)),
  );
  assert.match(bytes, '`./bytes.tfm` cannot be used: it is not text in UTF-8');
});

test.run();
