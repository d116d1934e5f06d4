/**
 * Runs every test file of this folder in a process of its own, two at a time, and ends with `N passed, N failed`.
 * `node --import tsx spec/run.ts NAME…` runs the files whose names contain one of the words.
 */
import { readdirSync } from 'node:fs';
import { isTestFile, runTestFile, SPEC_FOLDER, type TestOutcome } from './support/run-test-file.ts';

const words = process.argv.slice(2);
const files = readdirSync(SPEC_FOLDER)
  .filter(isTestFile)
  .filter((name) => words.length === 0 || words.some((w) => name.includes(w)))
  .sort();

const outcomes: TestOutcome[] = [];
const queue = [...files];

async function work(): Promise<void> {
  for (let file = queue.shift(); file; file = queue.shift()) {
    const outcome = await runTestFile(file);
    outcomes.push(outcome);
    const mark = outcome.failed > 0 ? 'FAILED' : 'ok';
    console.log(
      `${mark.padEnd(7)}${file.padEnd(34)}${String(outcome.passed).padStart(5)} passed  ${outcome.seconds.toFixed(1)} s`,
    );
    if (outcome.failed > 0) console.log(outcome.output.trimEnd());
    else for (const line of outcome.output.match(/^SKIPPED: .*$/gm) ?? []) console.log(`       ${line}`);
  }
}

await Promise.all([work(), work()]);
const sum = (of: (o: TestOutcome) => number): number => outcomes.reduce((n, o) => n + of(o), 0);
const failed = sum((o) => o.failed);
const skipped = sum((o) => o.skipped);
if (skipped > 0) console.log(`${skipped} skipped`);
console.log(`${sum((o) => o.passed)} passed, ${failed} failed`);
process.exit(failed > 0 || outcomes.length === 0 ? 1 : 0);
