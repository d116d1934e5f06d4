/** Runs commands of the command line: within this process, or as a child that can be killed and piped. */
import { type ChildProcess, spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { COMMANDS, type ListedCommand } from '../../src/cli/commands.ts';
import { main } from '../../src/cli/main.ts';
import type { Terminal } from '../../src/cli/terminal.ts';

export interface Outcome {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
}

/** In this process, as when nothing is a terminal. */
export function runMain(...argv: readonly string[]): Promise<Outcome> {
  return runMainWith(COMMANDS, ...argv);
}

/** With other commands than there are. */
export async function runMainWith(commands: readonly ListedCommand[], ...argv: readonly string[]): Promise<Outcome> {
  let out = '';
  let err = '';
  const terminal: Terminal = {
    print: (text) => {
      out += `${text}\n`;
    },
    write: (text) => {
      out += text;
    },
    tell: (text) => {
      err += `${text}\n`;
    },
    interactive: false,
    columns: 80,
    color: false,
  };
  return { exit: await main(argv, terminal, commands), out, err };
}

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export function startCli(argv: readonly string[], cwd = root, stdin: 'ignore' | 'pipe' = 'ignore'): ChildProcess {
  const tsx = import.meta.resolve('tsx');
  return spawn(process.execPath, ['--import', tsx, join(root, 'src/cli/main.ts'), ...argv], {
    cwd,
    env: { ...process.env, NO_COLOR: '1', CI: '1' },
    stdio: [stdin, 'pipe', 'pipe'],
  });
}

/** In a process of its own, to which `input` is piped. */
export function runChild(argv: readonly string[], cwd = root, input?: string | Uint8Array): Promise<Outcome> {
  const child = startCli(argv, cwd, input === undefined ? 'ignore' : 'pipe');
  child.stdin?.end(input);
  let out = '';
  let err = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    out += chunk;
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    err += chunk;
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ exit: code ?? -1, out, err })));
}
