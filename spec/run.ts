/**
 * Runs every test file of this folder in a process of its own, two at a time, and ends with `N passed, N failed`.
 * `node --import tsx spec/run.ts NAME…` runs the files whose names contain one of the words.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Outcome {
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  readonly output: string;
}

const folder = dirname(fileURLToPath(import.meta.url));
const words = process.argv.slice(2);
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.test.ts'))
  .filter((name) => words.length === 0 || words.some((w) => name.includes(w)))
  .sort();
const TIME_LIMIT_MS = 30 * 60_000;

function runFile(file: string): Promise<Outcome> {
  const start = performance.now();
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--import', 'tsx', join(folder, file)], {
      cwd: dirname(folder),
      env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const take = (chunk: Buffer): void => {
      output += chunk.toString();
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    const timer = setTimeout(() => child.kill('SIGKILL'), TIME_LIMIT_MS);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const seconds = (performance.now() - start) / 1000;
      resolve(outcomeOf(file, output, signal ? 1 : (code ?? 1), seconds));
    });
  });
}

/** Reads uvu's closing lines; a file that ends without them, or with another exit code than they say, has failed. */
function outcomeOf(file: string, output: string, code: number, seconds: number): Outcome {
  const count = (label: string): number | undefined => {
    const found = output.match(new RegExp(`^\\s*${label}:\\s+(\\d+)`, 'm'));
    return found ? Number(found[1]) : undefined;
  };
  const total = count('Total');
  const passed = count('Passed');
  const skipped = count('Skipped') ?? 0;
  if (total === undefined && code === 0 && /^SKIPPED: /m.test(output))
    return { file, passed: 0, failed: 0, skipped: 1, seconds, output };
  if (total === undefined || passed === undefined) return { file, passed: 0, failed: 1, skipped: 0, seconds, output };
  const failed = total - passed;
  return { file, passed, failed: failed === 0 && code !== 0 ? 1 : failed, skipped, seconds, output };
}

const outcomes: Outcome[] = [];
const queue = [...files];

async function work(): Promise<void> {
  for (let file = queue.shift(); file; file = queue.shift()) {
    const outcome = await runFile(file);
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
const sum = (of: (o: Outcome) => number): number => outcomes.reduce((n, o) => n + of(o), 0);
const failed = sum((o) => o.failed);
const skipped = sum((o) => o.skipped);
if (skipped > 0) console.log(`${skipped} skipped`);
console.log(`${sum((o) => o.passed)} passed, ${failed} failed`);
process.exit(failed > 0 || outcomes.length === 0 ? 1 : 0);
