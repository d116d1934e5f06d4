/** `tfm fmt`: which files it takes, what it prints and writes, and that no failure harms a file. */
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { writeFormatted } from '../src/cli/fmt/format-spec.ts';
import { rewriteFile } from '../src/runtime/rewrite-file.ts';
import { specFiles } from '../src/runtime/spec-files.ts';
import { type Fault, faultyFiles } from './support/faulty-files.ts';
import { type Outcome, runChild, runMain } from './support/run-cli.ts';
import { temporaryFolder } from './support/temporary.ts';

const LOOSE = 'a=1\nb = [1,2] // c\n';
const NEAT = 'a = 1\nb = [1, 2] // c\n';
const BAD = 'a = )\n';
const project = (): string =>
  temporaryFolder({
    'neat.tfm': NEAT,
    'sub/loose.tfm': LOOSE,
    'sub/bad.tfm': BAD,
    'sub/notes.txt': LOOSE,
    '.hidden/loose.tfm': LOOSE,
    'node_modules/one/loose.tfm': LOOSE,
  });
const read = (...path: readonly string[]): string => readFileSync(join(...path), 'utf8');

test('folders stand for the specs in them; names are taken once', () => {
  const folder = project();
  const found = specFiles([join(folder, 'sub', 'loose.tfm'), folder]).map((path) => path.slice(folder.length + 1));
  assert.equal(found, ['sub/loose.tfm', 'neat.tfm', 'sub/bad.tfm']);
});

test('it writes what has another form, names it, and leaves alone what it cannot read', async () => {
  const folder = project();
  const before = statSync(join(folder, 'neat.tfm')).mtimeMs;
  const { exit, out, err } = await runMain('fmt', folder);
  assert.is(exit, 1);
  assert.is(out, `${join(folder, 'sub/loose.tfm')}\n`);
  assert.match(err, /bad\.tfm:1:5: error: `\)` closes nothing \[unmatched-bracket\]/);
  assert.match(err, /1 file formatted, 1 file left as it is, 1 file unchanged\n$/);
  assert.is(read(folder, 'sub/loose.tfm'), NEAT);
  assert.is(read(folder, 'sub/bad.tfm'), BAD);
  for (const other of ['sub/notes.txt', '.hidden/loose.tfm', 'node_modules/one/loose.tfm'])
    assert.is(read(folder, other), LOOSE);
  assert.is(statSync(join(folder, 'neat.tfm')).mtimeMs, before);
  const again = await runMain('fmt', join(folder, 'neat.tfm'), join(folder, 'sub/loose.tfm'));
  assert.equal([again.exit, again.out, again.err], [0, '', '2 files unchanged\n']);
});

test('--check and --diff write nothing', async () => {
  const folder = project();
  const path = join(folder, 'sub/loose.tfm');
  const check = await runMain('fmt', '--check', path);
  assert.equal([check.exit, check.out, check.err], [1, `${path}\n`, '1 file would change, 0 files unchanged\n']);
  assert.is((await runMain('fmt', '--check', join(folder, 'neat.tfm'))).exit, 0);
  const diff = await runMain('fmt', '--diff', path, join(folder, 'neat.tfm'));
  assert.is(diff.exit, 0);
  const lines = [
    `--- ${path}`,
    `+++ ${path}`,
    '@@ -1,2 +1,2 @@',
    '-a=1',
    '-b = [1,2] // c',
    '+a = 1',
    '+b = [1, 2] // c',
  ];
  assert.is(diff.out, `${lines.join('\n')}\n`);
  assert.is((await runMain('fmt', '--diff', '--check', path)).exit, 1);
  assert.is(read(path), LOOSE);
});

test('--json gives files and diagnostics, of a version', async () => {
  const folder = project();
  const { exit, out, err } = await runMain('fmt', folder, '--diff', '--json');
  assert.is(exit, 1);
  assert.is(err, '');
  const { format_version, files, diagnostics } = JSON.parse(out);
  assert.is(format_version, 1);
  assert.equal(
    files.map((file: { path: string; status: string; diff?: string }) => [
      file.path.slice(folder.length + 1),
      file.status,
      file.diff?.includes('+a = 1\n'),
    ]),
    [
      ['neat.tfm', 'unchanged', undefined],
      ['sub/bad.tfm', 'failed', undefined],
      ['sub/loose.tfm', 'changed', true],
    ],
  );
  assert.is(diagnostics[0].code, 'unmatched-bracket');
});

test('a byte order mark goes, line ends stay', async () => {
  const folder = temporaryFolder({ 'a.tfm': '\ufeffa=1\r\nb=2\r\n', 'b.tfm': '\ufeffa = 1\n' });
  assert.is((await runMain('fmt', folder)).exit, 0);
  assert.is(read(folder, 'a.tfm'), 'a = 1\r\nb = 2\r\n');
  assert.is(read(folder, 'b.tfm'), 'a = 1\n');
});

test('permissions stay, and links lead to the same file', async () => {
  const folder = temporaryFolder({ 'real/a.tfm': LOOSE });
  chmodSync(join(folder, 'real/a.tfm'), 0o640);
  symlinkSync(join('real', 'a.tfm'), join(folder, 'link.tfm'));
  assert.is((await runMain('fmt', join(folder, 'link.tfm'))).exit, 0);
  assert.ok(lstatSync(join(folder, 'link.tfm')).isSymbolicLink());
  assert.is(read(folder, 'real/a.tfm'), NEAT);
  assert.is(statSync(join(folder, 'real/a.tfm')).mode & 0o777, 0o640);
  assert.equal(readdirSync(join(folder, 'real')), ['a.tfm']);
});

test('whatever fails, the file is as it was or as it is to be, whole', () => {
  for (const fault of ['EIO', 'ENOSPC', 'crash'] satisfies readonly Fault[]) {
    for (let at = 1; ; at++) {
      const folder = temporaryFolder({ 'a.tfm': LOOSE });
      const { files, calls } = faultyFiles(at, fault);
      let failed = false;
      try {
        rewriteFile(files, join(folder, 'a.tfm'), NEAT);
      } catch {
        failed = true;
      }
      const text = read(folder, 'a.tfm');
      assert.ok(text === LOOSE || text === NEAT, `${fault} at call ${at}`);
      // Who is killed cannot clean up.
      if (fault !== 'crash') assert.equal(readdirSync(folder), ['a.tfm'], `${fault} at call ${at}`);
      if (!failed) {
        assert.ok(at > 4 && calls() < at);
        assert.is(text, NEAT);
        break;
      }
    }
  }
});

test('a file that cannot be written is a failure of its own', () => {
  const path = join(temporaryFolder({ 'a.tfm': LOOSE }), 'a.tfm');
  const result = writeFormatted(faultyFiles(2, 'EIO').files, { kind: 'formatted', path, before: LOOSE, after: NEAT });
  assert.ok(result.kind === 'failed');
  assert.is(result.failure.exitCode, 3);
  assert.is(result.failure.diagnostics[0]?.code, 'spec-unwritable');
  assert.is(read(path), LOOSE);
});

test('what it does not take', async () => {
  const folder = project();
  mkdirSync(join(folder, 'empty'));
  const wrong: readonly (readonly [exit: number, code: string, ...argv: readonly string[]])[] = [
    [2, 'no-specs', join(folder, 'empty')],
    [2, 'stdin-with-files', '-', join(folder, 'neat.tfm')],
    [1, 'spec-unreadable', join(folder, 'missing.tfm')],
  ];
  for (const [exit, code, ...argv] of wrong) {
    const result = await runMain('fmt', ...argv);
    assert.is(result.exit, exit, code);
    assert.match(result.err, `[${code}]`);
  }
  assert.is((await runMain('fmt')).exit, 2);
  writeFileSync(join(folder, 'latin.tfm'), Uint8Array.of(0x61, 0xff));
  assert.match((await runMain('fmt', join(folder, 'latin.tfm'))).err, 'UTF-8');
});

const piped = (input: string | Uint8Array, ...argv: readonly string[]): Promise<Outcome> =>
  runChild(['fmt', '-', ...argv], undefined, input);

test('from stdin to stdout', async () => {
  assert.equal(await piped(LOOSE), { exit: 0, out: NEAT, err: '' });
  assert.equal(await piped(LOOSE, '--check'), { exit: 1, out: '', err: '' });
  assert.equal(await piped(NEAT, '--check'), { exit: 0, out: '', err: '' });
  const bad = await piped(BAD);
  assert.equal([bad.exit, bad.out], [1, '']);
  assert.match(bad.err, '<stdin>:1:5: error');
  const latin = await piped(Uint8Array.of(0x61, 0xff));
  assert.equal([latin.exit, latin.out], [1, '']);
  assert.match(latin.err, 'UTF-8');
  const { files } = JSON.parse((await piped(LOOSE, '--json')).out);
  assert.equal(files, [{ path: '<stdin>', status: 'changed', text: NEAT }]);
});

test.run();
