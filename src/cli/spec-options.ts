import { type Command, Option } from 'commander';
import type { LibraryUse } from '../compiler/ir/matmul.ts';
import { libraryUse } from './library-options.ts';
import { flag, type Options, repeatable, text, texts } from './options.ts';
import type { DiagnosticFormat } from './show-diagnostics.ts';

/** How the user wants a spec read. */
export interface SpecOptions {
  readonly entry: string | undefined;
  readonly set: readonly string[];
  readonly format: DiagnosticFormat;
  /** Which products go to a library, on commands that have the option. */
  readonly library?: LibraryUse | undefined;
}

/** Declares the argument and the options of every command that takes a spec. */
export function takesSpec(command: Command, what: string): Command {
  return command
    .argument('<spec>', what)
    .addOption(repeatable('--set <name=expr>', 'set a parameter of the model, or train.KEY; may be repeated'))
    .option('--entry <name>', 'the model or train block to take, when the spec has several')
    .option('--json', 'print the result as JSON')
    .addOption(
      new Option('--format <name>', 'how errors and warnings are printed')
        .choices(['text', 'github-actions'])
        .default('text'),
    );
}

export const SPEC = 'a .tfm file';
export const SPEC_OR_FOLDER = 'a .tfm file, or a folder that tfm compile wrote';

export function specOptions(options: Options): SpecOptions {
  return {
    entry: text(options, 'entry'),
    set: texts(options, 'set'),
    format: formatOf(options),
    library: libraryUse(options),
  };
}

function formatOf(options: Options): DiagnosticFormat {
  if (flag(options, 'json')) return 'json';
  return text(options, 'format') === 'github-actions' ? 'github-actions' : 'text';
}
