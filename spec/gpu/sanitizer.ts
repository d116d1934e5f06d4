import { spawnSync } from 'node:child_process';
import { extname, join } from 'node:path';
import { findProgram } from '../../src/backends/cuda/find-program.ts';
import { loaderArguments, runTestFile, SPEC_FOLDER } from '../support/run-test-file.ts';
import { type Part, resultOf, skipped } from './part.ts';
import { deviceTests } from './primitives.ts';

const TOOLS = ['memcheck', 'racecheck', 'synccheck'] as const;
/** Under a sanitizer a kernel takes up to a hundred times as long: the tests of all examples would take hours. */
const LEFT_OUT = /^(gallery-kernels|memory|precision)\./;
/** How it ends when it found something. */
const FOUND = 86;
/** Of all tools and files together; what does not come to its turn is told. */
const TIME_LIMIT_MS = 150_000;
const SHOWN_LINES = 30;

/** compute-sanitizer over the tests of kernels: addresses, races in shared memory, barriers. */
export const sanitizer: Part = {
  about: `compute-sanitizer over the tests of kernels: ${TOOLS.join(', ')}`,
  async run({ device, only, tell }) {
    const program = findProgram('compute-sanitizer');
    if (program === undefined) return skipped('there is no compute-sanitizer on this machine');
    if (device !== 'cuda') return skipped('compute-sanitizer watches NVIDIA GPUs only');
    const files = deviceTests().filter(
      (name) => !LEFT_OUT.test(name) && (only.length === 0 || only.some((word) => name.includes(word))),
    );
    const env = { TFM_TEST_DEVICES: device };
    const reasons: string[] = [];
    const figures: Record<string, unknown> = {};
    const until = performance.now() + TIME_LIMIT_MS;
    for (const tool of TOOLS) {
      const under = [program, '--tool', tool, '--error-exitcode', `${FOUND}`];
      const refusal = refusalOf(under);
      if (refusal !== undefined) return skipped(`compute-sanitizer does not start here: ${refusal}`);
      for (const file of files) {
        const name = `${tool} ${file}`;
        const left = until - performance.now();
        if (left <= 0) {
          reasons.push(`${name}: there was no time left for it`);
          continue;
        }
        const { passed, failed, seconds, output } = await runTestFile(file, { env, under, timeLimitMs: left });
        const said = output.split('\n').filter((line) => line.startsWith('========='));
        const summary = said.find((line) => line.includes('SUMMARY'))?.replace(/^=+ /, '');
        figures[name] = { passed, failed, seconds, summary };
        tell(`${name}: ${summary ?? 'no summary'} in ${seconds.toFixed(1)} s`);
        if (failed > 0 || summary === undefined)
          reasons.push(
            `${name}: ${failed} failed\n${(said.length > 1 ? said : [output]).slice(0, SHOWN_LINES).join('\n')}`,
          );
      }
    }
    return resultOf(reasons, figures);
  },
};

/** What it says when it cannot watch a program that uses the GPU; undefined when it can. */
function refusalOf([program = '', ...args]: readonly string[]): string | undefined {
  const touch = [
    process.execPath,
    ...loaderArguments(),
    join(SPEC_FOLDER, 'gpu', `touch-gpu${extname(import.meta.url)}`),
  ];
  const { status, stdout, stderr, error } = spawnSync(program, [...args, ...touch], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  if (status === 0) return undefined;
  return error?.message ?? (`${stdout}${stderr}`.trim().split('\n').at(-1) || `it ends with ${status}`);
}
