import type { Command } from 'commander';
import { type Options, repeatable, text, texts } from './options.ts';

/** How the user wants a spec read. */
export interface SpecOptions {
  readonly entry: string | undefined;
  readonly set: readonly string[];
}

/** Declares the argument and the options of every command that takes a spec. */
export function takesSpec(command: Command, what: string): Command {
  return command
    .argument('<spec>', what)
    .addOption(repeatable('--set <name=expr>', 'set a parameter of the model, or train.KEY; may be repeated'))
    .option('--entry <name>', 'the model or train block to take, when the spec has several')
    .option('--json', 'print the result as JSON');
}

export const SPEC = 'a .tfm file';
export const SPEC_OR_FOLDER = 'a .tfm file, or a folder that tfm compile wrote';

export function specOptions(options: Options): SpecOptions {
  return { entry: text(options, 'entry'), set: texts(options, 'set') };
}
