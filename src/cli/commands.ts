import type { CliCommand } from './command.ts';

/** Every command, in the order of the help. */
export const COMMANDS: readonly CliCommand[] = [];
