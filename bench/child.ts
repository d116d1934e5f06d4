import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Answer } from './programs/serve.ts';
import type { ProgramSpec } from './programs.ts';

/** A program that is running, in a process of its own. It does nothing while the others are measured. */
export interface Child {
  readonly steps: (count: number) => Promise<Answer>;
  readonly close: () => Promise<void>;
}

export interface ChildOptions {
  readonly start: string;
  readonly size: unknown;
  /** Where drivers and compilers keep what they made. */
  readonly cache: string;
}

const SHADER_CACHE = ['MESA_SHADER_CACHE_DIR'];
/** Lines of its errors that are shown when it dies. */
const LAST_LINES = 15;

export function startChild(program: ProgramSpec, { start, size, cache }: ChildOptions): Child {
  const args = [program.file, start, JSON.stringify(size), ...(program.more ?? [])];
  const caches = Object.fromEntries((program.caches ?? SHADER_CACHE).map((name) => [name, cache]));
  const env = { ...process.env, ...caches, ...program.env };
  const child: ChildProcess = spawn(program.command, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  const { stdin, stdout, stderr } = child;
  if (!stdin || !stdout || !stderr) throw new Error(`${program.name} has no streams`);
  let errors = '';
  stderr.on('data', (data) => {
    errors += String(data);
  });
  let waiting: { readonly resolve: (answer: Answer) => void; readonly reject: (error: Error) => void } | undefined;
  createInterface({ input: stdout }).on('line', (line) => {
    if (!line.startsWith('{"ms"')) return;
    waiting?.resolve(JSON.parse(line) as Answer);
    waiting = undefined;
  });
  const ended = new Promise<void>((resolve) => {
    child.on('close', (code) => {
      const last = errors.trim().split('\n').slice(-LAST_LINES).join('\n');
      waiting?.reject(new Error(`${program.name} ended with ${code}:\n${last}`));
      resolve();
    });
  });
  return {
    steps: (count) =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        if (child.exitCode !== null) reject(new Error(`${program.name} has ended`));
        else stdin.write(`${JSON.stringify({ steps: count })}\n`);
      }),
    close: () => {
      stdin.end();
      return ended;
    },
  };
}
