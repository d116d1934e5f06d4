import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What a test file did. */
export interface TestOutcome {
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  readonly output: string;
}

/** The folder of the tests, as sources or compiled. */
export const SPEC_FOLDER = dirname(dirname(fileURLToPath(import.meta.url)));
/** Kernels are compiled on Node's threads for such work, of which it has four unless it is told otherwise. */
const THREADS = `${Math.max(4, availableParallelism())}`;
const TIME_LIMIT_MS = 30 * 60_000;

/** The name of a test file here: that of a source, or of what a compiler made of it. */
export function isTestFile(name: string): boolean {
  return name.endsWith(`.test${extname(import.meta.url)}`);
}

/** What Node needs before the path of a program of this project: sources are read through tsx. */
export function loaderArguments(): readonly string[] {
  return extname(import.meta.url) === '.ts' ? ['--import', import.meta.resolve('tsx')] : [];
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** A program that runs Node, with its options. */
  readonly under?: readonly string[];
  readonly timeLimitMs?: number;
}

/** Runs a file of the folder in a process of its own. */
export function runTestFile(
  file: string,
  { env = {}, under = [], timeLimitMs = TIME_LIMIT_MS }: RunOptions = {},
): Promise<TestOutcome> {
  const start = performance.now();
  return new Promise((resolve) => {
    const [program = process.execPath, ...args] = [...under, process.execPath, ...loaderArguments()];
    const child = spawn(program, [...args, join(SPEC_FOLDER, file)], {
      cwd: dirname(SPEC_FOLDER),
      env: { ...process.env, UV_THREADPOOL_SIZE: THREADS, NO_COLOR: '1', FORCE_COLOR: '0', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const take = (chunk: Buffer): void => {
      output += chunk.toString();
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    const timer = setTimeout(() => child.kill('SIGKILL'), timeLimitMs);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const seconds = (performance.now() - start) / 1000;
      resolve(outcomeOf(file, output, signal ? 1 : (code ?? 1), seconds));
    });
  });
}

/** Reads uvu's closing lines; a file that ends without them, or with another exit code than they say, has failed. */
function outcomeOf(file: string, output: string, code: number, seconds: number): TestOutcome {
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
