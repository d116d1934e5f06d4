/** What commands load before they work: a check must not wait for what makes kernels, nor anything for a package that it does not use. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { temporaryFolder } from './support/temporary.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const RECORDER = fileURLToPath(new URL('support/record-modules.mjs', import.meta.url));

interface Loaded {
  readonly packages: ReadonlySet<string>;
  /** Paths from the root. */
  readonly files: readonly string[];
}

/** Runs a command from the sources, and gives what it loaded. */
function loadedBy(...argv: readonly string[]): Loaded {
  const log = join(temporaryFolder(), 'modules.txt');
  const program = ['--import', 'tsx', '--import', RECORDER, join(root, 'src/cli/main.ts'), ...argv];
  execFileSync(process.execPath, program, { cwd: root, env: { ...process.env, TFM_TEST_MODULES: log }, stdio: 'pipe' });
  const urls = readFileSync(log, 'utf8')
    .trim()
    .split('\n')
    .filter((url) => url.startsWith('file:'));
  const packages = urls.flatMap(
    (url) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*\/node_modules\/)/.exec(url)?.[1] ?? [],
  );
  const own = urls.filter((url) => !url.includes('/node_modules/'));
  return { packages: new Set(packages), files: own.map((url) => relative(root, fileURLToPath(url))) };
}

const PARSER = /^(chevrotain|@chevrotain\/.*|lodash-es)$/;
/** What speaks with the user. */
const ALWAYS = /^(commander|picocolors)$/;

const others = ({ packages }: Loaded, ...known: readonly RegExp[]): readonly string[] =>
  [...packages].filter((name) => ![ALWAYS, ...known].some((pattern) => pattern.test(name)));

test('help and explain read no spec, and load nothing for it', () => {
  for (const argv of [['--help'], ['explain', 'unknown-name']]) {
    const loaded = loadedBy(...argv);
    assert.equal(others(loaded), [], argv.join(' '));
    const wrong = loaded.files.filter(
      (f) =>
        !/^src\/(cli|compiler\/(diagnostics|support)|runtime\/(files|package-folder|read-spec|version)\.ts)/.test(f),
    );
    assert.equal(wrong, [], argv.join(' '));
  }
});

test('check loads the language and its lints, and nothing of what makes or runs kernels', () => {
  const loaded = loadedBy('check', 'examples/llama.tfm');
  assert.equal(others(loaded, PARSER), []);
  assert.ok(loaded.packages.has('chevrotain'), 'the recorder sees packages');
  const may =
    /^(grammar|src\/cli|src\/compiler\/(causality|diagnostics|elaborate|ir|lints|ops|support|syntax|(check|pass|require-causal|warnings)\.ts))\b/;
  const reads = /^src\/runtime\/(files|package-folder|read-spec|version)\.ts$/;
  assert.equal(
    loaded.files.filter((file) => !may.test(file) && !reads.test(file)),
    [],
  );
  assert.equal(
    loaded.files.filter((file) => file.startsWith('src/cli/commands/')),
    ['src/cli/commands/check.ts'],
  );
});

test('a command that compiles and runs nothing loads no device', () => {
  const loaded = loadedBy('params', 'examples/gpt2.tfm');
  assert.equal(others(loaded, PARSER), []);
  assert.ok(loaded.files.includes('src/compiler/compile.ts'));
});

test.run();
