/** Whose fault it is: a defect of ours ends with 70 and a file for the report, what the user or the machine did never does. */
import { spawnSync } from 'node:child_process';
import { closeSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ListedCommand } from '../src/cli/commands.ts';
import { defectReport, writeDefectReport } from '../src/cli/defect-report.ts';
import { deviceFailure } from '../src/compiler/diagnostics/device.ts';
import { InternalError, invariant } from '../src/compiler/support/invariant.ts';
import { makeSource } from '../src/compiler/support/source.ts';
import { inStep, stepsOf } from '../src/compiler/support/step.ts';
import { runMain, runMainWith } from './support/run-cli.ts';
import { temporaryFolder } from './support/temporary.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const SPEC = `use "./parts/scheme.tfm".{Mine}
model M(vocab: axis = 8)(tokens: int[batch, time]) {
  axis next = vocab
  param table: [vocab -> next] ~ normal(0.02)
  loss = mean(table[vocab = tokens])
}
train M() { batch = 2; time = 4; steps = 1; lr = 1 }
`;
const folder = temporaryFolder({
  'package.json': '{}',
  'm.tfm': SPEC,
  'parts/scheme.tfm': 'use "./more.tfm".{a}\nMine = a\n',
  'parts/more.tfm': 'a = 1\n',
});

/** Runs a command that fails, in a folder of its own. */
async function runFailing(fail: () => never, ...words: readonly string[]) {
  const command: ListedCommand = {
    name: 'fail',
    summary: '',
    load: async () => ({
      configure: (c) => c.argument('[words...]').option('--json').allowUnknownOption(),
      run: async () => fail(),
    }),
  };
  const here = process.cwd();
  const work = temporaryFolder();
  process.chdir(work);
  try {
    const outcome = await runMainWith([command], 'fail', ...words);
    const reports = readdirSync(work).map((name) => ({ name, text: readFileSync(join(work, name), 'utf8') }));
    return { ...outcome, reports };
  } finally {
    process.chdir(here);
  }
}

test('a defect ends with 70, says so, and leaves a file with all that a report needs', async () => {
  process.env.TFM_TEST_SECRET = 'swordfish';
  const fail = (): never =>
    inStep('micro', () => inStep('hoist', () => invariant(false, 'a value is defined twice') as never));
  const { exit, out, err, reports } = await runFailing(fail, join(folder, 'm.tfm'), '--set', 'vocab=9 + 1');
  assert.is(exit, 70);
  assert.is(out, '');
  assert.is(reports.length, 1);
  const [{ name, text } = { name: '', text: '' }] = reports;
  assert.match(name, /^tfm-defect-[0-9a-f]{8}\.txt$/);
  assert.is(
    err,
    `error: tfm has a defect in micro, hoist: a value is defined twice [internal-error]\n  help: please report it with the file '${name}', ` +
      'which holds the command, the spec and where it happened\n',
  );
  for (const part of [
    /^A defect of tfm\. Please look at what stands here before you send it\.\n/,
    /\nmessage +a value is defined twice\nstep +micro, hoist\ntfm +\d+\.\d+\.\d+\nnode +\d+\.\d+\.\d+\nsystem +\w+ \w+\n/,
    /\ncommand +tfm fail \S*m\.tfm --set "vocab=9 \+ 1"\n/,
    /\n---- where it happened\nInternalError: a value is defined twice\n +at /,
    /\n---- \S*m\.tfm\nuse "\.\/parts\/scheme\.tfm"/,
    /\n---- \S*parts\/scheme\.tfm\nuse "\.\/more\.tfm"\.\{a\}\nMine = a\n/,
    /\n---- \S*parts\/more\.tfm\na = 1\n$/,
  ])
    assert.match(text, part);
  assert.not.match(text, 'swordfish');
});

test('a defect in JSON is a result, and one that is no Error is told too', async () => {
  const { exit, out, err } = await runFailing(() => {
    throw undefined;
  }, '--json');
  assert.is(exit, 70);
  assert.is(err, '');
  const [{ code, message }] = JSON.parse(out).diagnostics;
  assert.equal([code, message], ['internal-error', 'tfm has a defect: undefined']);
});

test('a mistake of a library or of the language’s runtime is ours', async () => {
  for (const error of [new TypeError('x is not a function'), new RangeError('Maximum call stack size exceeded')]) {
    const { exit, err } = await runFailing(() => {
      throw error;
    });
    assert.is(exit, 70);
    assert.match(err, `tfm has a defect: ${error.name}: ${error.message} [internal-error]`);
  }
});

test('a kernel that the driver refuses is ours when we wrote it, and its text is in the report', async () => {
  const source = makeSource('kernels/loss.wgsl', 'fn main() { q }');
  const refused = { file: source.path, source: 'm.tfm:5', reason: "unresolved value 'q'" };
  const place = { span: { source, start: 12, end: 13 } };
  const ours = await runFailing(() => {
    throw deviceFailure('kernel-defect', refused, place);
  });
  assert.is(ours.exit, 70);
  assert.match(ours.err, /^kernels\/loss\.wgsl:1:13: error: .* of m\.tfm:5, as tfm wrote it: .* \[kernel-defect\]\n/);
  assert.match(ours.err, /help: please report it with the file 'tfm-defect-/);
  assert.match(ours.reports[0]?.text ?? '', '---- kernels/loss.wgsl\nfn main() { q }\n');
  const theirs = await runFailing(() => {
    throw deviceFailure('kernel-refused', refused, place);
  });
  assert.is(theirs.exit, 3);
  assert.equal(theirs.reports, []);
});

test('what the user or the machine did is never a defect, and leaves no report', async () => {
  const missing = join(folder, 'no', 'such', 'folder');
  const cases: readonly (readonly [() => unknown, number, string])[] = [
    [() => readFileSync(missing), 3, `'${missing}' failed: it does not exist [file-error]`],
    [() => readFileSync(folder), 3, "on 'a file that is open' failed: it is a folder [file-error]"],
    [() => new ArrayBuffer(2 ** 50), 4, '[process-memory]'],
    [() => writeFileSync(join(folder, 'm.tfm', 'x'), ''), 3, 'failed: a part of the path is not a folder [file-error]'],
  ];
  for (const [act, code, words] of cases) {
    const { exit, err, reports } = await runFailing(() => {
      act();
      throw new InternalError('it worked');
    });
    assert.is(exit, code, err);
    assert.ok(err.includes(words), err);
    assert.equal(reports, []);
  }
  const wrong = await runMain('check', join(folder, 'm.tfm'), '--set', 'vocab=1 / 0');
  assert.is(wrong.exit, 1, wrong.err);
});

test('a file of ours that is missing is a defect, and so is a wrong call of the system', async () => {
  for (const act of [() => readFileSync(join(root, 'src/std/nowhere.tfm')), () => closeSync(9999)]) {
    const { exit, err } = await runFailing(() => {
      act();
      throw new InternalError('it worked');
    });
    assert.is(exit, 70);
    assert.not.match(err, 'it worked');
  }
});

test('the report goes where it can be written, and the folder of the user is not in it', () => {
  const shut = temporaryFolder();
  const open = temporaryFolder();
  const error = new InternalError('no');
  const missing = join(shut, 'missing');
  const path = writeDefectReport(error, [], [missing, open]);
  assert.ok(path?.startsWith(open), path);
  assert.is(writeDefectReport(error, [], [missing]), undefined);
  const text = defectReport(error, ['check', join(homedir(), 'private', 'm.tfm')]);
  assert.match(text, /command +tfm check "?~\/private\/m\.tfm/);
  assert.not.ok(text.includes(`${homedir()}/`));
});

test('steps are those around the error, the outermost first, also when another error is made of it', () => {
  const failing = (): never =>
    inStep('plan', () =>
      inStep('pack', () => {
        throw new TypeError('no');
      }),
    );
  try {
    failing();
  } catch (error) {
    assert.equal(stepsOf(error), ['plan', 'pack']);
    assert.equal(stepsOf(new InternalError('no', { cause: error })), ['plan', 'pack']);
  }
  assert.equal(stepsOf('no error'), []);
});

test('a compiler that breaks says in which step, in a process of its own', () => {
  const env = {
    ...process.env,
    TFM_TEST_MODULE: 'src/compiler/lints/axis-order.ts',
    TFM_TEST_SOURCE: "export const axisOrder = { name: 'axis-order', summary: '', run: () => null.value };",
  };
  const replace = fileURLToPath(new URL('support/replace-module.mjs', import.meta.url));
  const program = ['--import', import.meta.resolve('tsx'), '--import', replace, join(root, 'src/cli/main.ts')];
  const work = temporaryFolder({ 'm.tfm': SPEC.replace(/^use.*\n/, '') });
  const { status, stderr } = spawnSync(process.execPath, [...program, 'check', 'm.tfm'], {
    cwd: work,
    env,
    encoding: 'utf8',
  });
  assert.is(status, 70, stderr);
  assert.match(stderr, /error: tfm has a defect in lint axis-order: TypeError: Cannot read .* \[internal-error\]\n/);
  assert.not.match(stderr, /\n\s+at /);
  const [report = ''] = readdirSync(work).filter((name) => name.startsWith('tfm-defect-'));
  assert.match(readFileSync(join(work, report), 'utf8'), /step +lint axis-order\n[\s\S]*---- m\.tfm\nmodel M/);
});

test.run();
