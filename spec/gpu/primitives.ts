import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { someAtOnce } from '../../src/backends/cuda/gpu/some-at-once.ts';
import { isTestFile, runTestFile, SPEC_FOLDER } from '../support/run-test-file.ts';
import { type Part, resultOf, skipped } from './part.ts';

const MOST_AT_ONCE = 4;
/** Lines of a failed file's output that are kept. */
const LAST_LINES = 40;

/** The test files whose tests run on every device, but for the oracle's, which is a part of its own. */
export function deviceTests(): readonly string[] {
  const runsOnDevices = (name: string): boolean =>
    /await open(Cuda)?TestDevices?\(\)/.test(readFileSync(join(SPEC_FOLDER, name), 'utf8'));
  return readdirSync(SPEC_FOLDER)
    .filter(isTestFile)
    .filter(runsOnDevices)
    .filter((name) => !name.startsWith('oracle.'))
    .sort();
}

/** The tests of kernels, of plans, and of every example and the gallery, on this device alone. */
export const primitives: Part = {
  about: 'the tests that run on every device: kernels, plans, random specs, examples and the gallery',
  async run({ device, only, tell }) {
    const files = deviceTests().filter((name) => only.length === 0 || only.some((word) => name.includes(word)));
    if (files.length === 0) return skipped(`no test file has a name with ${only.join(' or ')}`);
    const outcomes = await someAtOnce(files, Math.min(MOST_AT_ONCE, availableParallelism()), async (file) => {
      const outcome = await runTestFile(file, { env: { TFM_TEST_DEVICES: device } });
      tell(`${file}: ${outcome.passed} passed, ${outcome.failed} failed in ${outcome.seconds.toFixed(1)} s`);
      return outcome;
    });
    const reasons = outcomes.flatMap(({ file, failed, output }) =>
      failed > 0 ? [`${file}: ${failed} failed\n${output.trimEnd().split('\n').slice(-LAST_LINES).join('\n')}`] : [],
    );
    const figures = outcomes.map(({ file, passed, failed, skipped, seconds }) => [
      file,
      { passed, failed, skipped, seconds },
    ]);
    return resultOf(reasons, Object.fromEntries(figures));
  },
};
