import type { Command as CommanderCommand } from 'commander';
import type { ExitCode } from '../compiler/diagnostics/diagnostic.ts';
import type { Terminal } from './terminal.ts';

/** One command of the command line; one file each under `commands/`. */
export interface CliCommand {
  readonly name: string;
  readonly summary: string;
  /** Declares arguments and options; `run` receives what was parsed. */
  readonly configure: (command: CommanderCommand) => void;
  readonly run: (
    args: readonly string[],
    options: Readonly<Record<string, unknown>>,
    terminal: Terminal,
  ) => Promise<ExitCode>;
}
