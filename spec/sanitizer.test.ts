/** The part `sanitizer` of `npm run check:gpu`, with stand-ins for the driver and for compute-sanitizer. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findProgram } from '../src/backends/cuda/find-program.ts';
import { sanitizer } from './gpu/sanitizer.ts';
import { useFakeCuda } from './support/fake-cuda.ts';
import { skipFile } from './support/skip.ts';
import { temporaryFolder } from './support/temporary.ts';

if (findProgram('g++') === undefined || process.platform === 'win32') skipFile('there is no g++ on this machine');

useFakeCuda();
const folder = temporaryFolder();
const program = join(folder, 'compute-sanitizer');
process.env.TFM_COMPUTE_SANITIZER = program;
const context = {
  device: 'cuda',
  info: { name: 'Fake GPU', vendor: '', driver: '', software: false, features: [] },
  only: ['device-plans'],
  tell: () => {},
} as const;

/** A sanitizer that notes its options, says what it is told to, and ends with `code`; with 0, as the program that it watches. */
function sanitizerThat(says: string, code: number): void {
  const run = 'shift 4; "$@"; end=$?';
  const text = `#!/bin/sh\necho "$1 $2 $3 $4" >>${folder}/options\n${run}\necho "${says}"\nexit ${code === 0 ? '$end' : code}\n`;
  writeFileSync(program, text);
  chmodSync(program, 0o755);
}

test('all tools watch the tests, on the GPU', async () => {
  sanitizerThat('========= ERROR SUMMARY: 0 errors', 0);
  const { status, reasons, figures } = await sanitizer.run(context);
  assert.is(status, 'passed', reasons.join('\n'));
  assert.equal(
    Object.keys(figures),
    ['memcheck', 'racecheck', 'synccheck'].map((tool) => `${tool} device-plans.test.ts`),
  );
  const options = readFileSync(join(folder, 'options'), 'utf8').trim().split('\n');
  assert.is(options[0], '--tool memcheck --error-exitcode 86');
});

test('what it finds makes the part fail; where it cannot start, the part is skipped', async () => {
  sanitizerThat('========= Invalid __global__ read of size 4 bytes', 86);
  const refused = await sanitizer.run(context);
  assert.is(refused.status, 'skipped');
  assert.match(refused.reasons.join(), 'does not start here: ========= Invalid');
  // It finds something only in the tests.
  writeFileSync(
    program,
    `#!/bin/sh\nshift 4\ncase "$*" in *touch*) exit 0;; esac\necho "========= Race reported"\necho "========= RACECHECK SUMMARY: 1 hazard"\nexit 86\n`,
  );
  const { status, reasons } = await sanitizer.run(context);
  assert.is(status, 'failed');
  assert.match(reasons.join(), /racecheck device-plans.*Race reported/s);
});

test('without it the part is skipped', async () => {
  process.env.TFM_COMPUTE_SANITIZER = join(folder, 'none');
  const { status } = await sanitizer.run(context);
  assert.is(status, 'skipped');
});

test.run();
