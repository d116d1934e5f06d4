#!/usr/bin/env node
import * as nodeModule from 'node:module';
import { Command, CommanderError } from 'commander';
import { EXIT, type ExitCode } from '../compiler/diagnostics/diagnostic.ts';
import { version } from '../runtime/version.ts';
import { COMMANDS, type ListedCommand } from './commands.ts';
import { reportFailure } from './report-failure.ts';
import { openTerminal, type Terminal } from './terminal.ts';

/** Runs one command of the command line and gives its exit code. Nothing escapes as a stack trace. */
export async function main(
  argv: readonly string[],
  terminal: Terminal,
  commands: readonly ListedCommand[] = COMMANDS,
): Promise<ExitCode> {
  let exit: ExitCode = EXIT.ok;
  const program = new Command('tfm')
    .description(
      'A small language for transformer blocks and norm scaling, compiled to fused GPU kernels a person can read.',
    )
    .version(version())
    .configureOutput({ writeOut: terminal.write, writeErr: (text) => terminal.tell(text.trimEnd()) })
    .showHelpAfterError('(add --help for the options)')
    .exitOverride();
  const done = (code: ExitCode): void => {
    exit = code;
  };
  try {
    // A command that no word names cannot be asked for: that it is listed is enough.
    for (const command of commands) {
      const sub = program.command(command.name).description(command.summary).exitOverride();
      if (argv.includes(command.name)) await prepare(sub, command, terminal, done);
    }
    await program.parseAsync(argv, { from: 'user' });
    return exit;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return reportFailure(error, terminal, argv);
  }
}

async function prepare(
  sub: Command,
  listed: ListedCommand,
  terminal: Terminal,
  done: (code: ExitCode) => void,
): Promise<void> {
  const { configure, run } = await listed.load();
  configure(sub);
  sub.action(async () => done(await run(sub.args, sub.opts(), terminal)));
}

if (isEntry()) {
  keepCompiledCode();
  const terminal = openTerminal();
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error) => process.exit(reportFailure(error, terminal, process.argv.slice(2))));
  }
  process.exit(await main(process.argv.slice(2), terminal));
}

/** Whether this file is the program that Node was asked to run, through a link or not. */
function isEntry(): boolean {
  const entry = process.argv[1];
  return entry !== undefined && /[\\/](main\.[jt]s|tfm)$/.test(entry);
}

/** Where Node can (from 22 on), what it compiles of this program is kept for the next time. */
function keepCompiledCode(): void {
  if ('enableCompileCache' in nodeModule && typeof nodeModule.enableCompileCache === 'function')
    nodeModule.enableCompileCache();
}
