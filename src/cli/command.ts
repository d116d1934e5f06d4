import type { Command as CommanderCommand } from 'commander';
import type { ExitCode } from '../compiler/diagnostics/diagnostic.ts';
import type { Terminal } from './terminal.ts';

/** What a command of the command line takes and does; one file each under `commands/`. `commands.ts` lists them. */
export interface CliCommand {
  /** Declares arguments and options; `run` receives what was parsed. */
  readonly configure: (command: CommanderCommand) => void;
  readonly run: (
    args: readonly string[],
    options: Readonly<Record<string, unknown>>,
    terminal: Terminal,
  ) => Promise<ExitCode>;
}
