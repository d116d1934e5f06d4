/** The package as its users get it: packed, installed into an empty folder, run, and imported with types. */
import { execFileSync } from 'node:child_process';
import { readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { TEMPLATES } from '../src/cli/new/templates.ts';
import { temporaryFolder } from './support/temporary.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const SPEC = `model Bigram(vocab: axis = 256)(tokens: int[batch, time], targets: int[batch, time]) {
  axis next = vocab
  param table: [vocab -> next] ~ normal(0.02)
  logits = table[vocab = tokens][next -> vocab]
  loss = mean(cross_entropy(logits, targets, over = vocab))
}
train Bigram() {
  data = text("*.txt", tokenizer = bytes)
  batch = 2
  time = 8
  steps = 3
  lr = 1e-2
}
`;
const USER = `import { check, compile, type Compiled, Failure, type TrainResult, train } from 'tfm';
import { train as trainFolder } from './compiled/trainer.ts';
const spec = { path: 'bigram.tfm', text: ${JSON.stringify(SPEC)} };
const compiled: Compiled = compile(spec, { set: ['vocab=128'] });
console.log(JSON.stringify({ problems: check(spec).length, weights: compiled.plan.weights.map((w) => [w.name, w.shape]) }));
try {
  compile({ path: 'bad.tfm', text: 'model (' });
} catch (error) {
  console.log(error instanceof Failure && error.exitCode);
}
console.log((await trainFolder()).step);
export const later = (): Promise<TrainResult> => train(spec, { out: 'runs/one' });
`;

const home = temporaryFolder({ 'bigram.tfm': SPEC, 'text.txt': 'one two three '.repeat(50), 'user.ts': USER });

function run(program: string, argv: readonly string[], cwd = home): string {
  return execFileSync(program, argv, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
  });
}

test('it installs into an empty folder and runs', () => {
  run('npm', ['pack', '--silent', '--pack-destination', home], root);
  const packed = readdirSync(home).find((name) => name.endsWith('.tgz')) ?? '';
  writeFileSync(join(home, 'package.json'), '{ "private": true, "type": "module" }');
  run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', packed]);
  const listed = readdirSync(join(home, 'node_modules/tfm'));
  for (const name of ['dist', 'examples', 'README.md', 'LICENSE']) assert.ok(listed.includes(name), name);
  for (const name of ['src', 'spec', 'bench']) assert.not.ok(listed.includes(name), name);
  assert.is(run('npx', ['--no', 'tfm', 'check', 'bigram.tfm']), 'bigram.tfm: no errors\n');
});

test('it begins a project', () => {
  for (const { name } of TEMPLATES) {
    run('npx', ['--no', 'tfm', 'new', `my-${name}`, '--template', name]);
    assert.match(run('npx', ['--no', 'tfm', 'check', `my-${name}/model.tfm`]), /model\.tfm: no errors$/m);
  }
});

test('it is a library with types, and so is what it compiles', () => {
  run('npx', ['--no', 'tfm', 'compile', 'bigram.tfm', '--out', 'compiled']);
  const types = dirname(dirname(createRequire(import.meta.url).resolve('@types/node/package.json')));
  symlinkSync(types, join(home, 'node_modules/@types'));
  const options = {
    target: 'ES2023',
    module: 'NodeNext',
    strict: true,
    skipLibCheck: false,
    types: ['node'],
    rewriteRelativeImportExtensions: true,
  };
  const config = { compilerOptions: options, files: ['user.ts', 'compiled/trainer.ts'] };
  writeFileSync(join(home, 'tsconfig.json'), JSON.stringify(config));
  run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', home]);
  const [first = '', second, third] = run(process.execPath, ['user.js']).trim().split('\n');
  assert.equal(JSON.parse(first), { problems: 0, weights: [['table', [128, 128]]] });
  assert.is(second, '1');
  assert.is(third, '3');
});

test.run();
