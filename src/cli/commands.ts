import type { CliCommand } from './command.ts';
import { doctor } from './commands/doctor.ts';
import { explain } from './commands/explain.ts';

/** Every command, in the order of the help. */
export const COMMANDS: readonly CliCommand[] = [doctor, explain];
