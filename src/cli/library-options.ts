import type { Command } from 'commander';
import type { PlanTarget } from '../backends/device.ts';
import { cliFailure } from '../compiler/diagnostics/cli.ts';
import type { LibraryUse } from '../compiler/ir/matmul.ts';
import { flag, type Options } from './options.ts';

/** Declares the options of commands that may take products of matrices to a library. */
export function takesLibrary(command: Command): Command {
  return command
    .option(
      '--lib',
      'on CUDA, take large products of matrices to NVIDIA’s cuBLASLt instead of generating kernels for them',
    )
    .option('--lib-all', 'the same for products of any size, for comparisons');
}

/** Which products the options give to a library; undefined when every kernel is to be generated. */
export function libraryUse(options: Options): LibraryUse | undefined {
  if (flag(options, 'libAll')) return 'all';
  return flag(options, 'lib') ? 'large' : undefined;
}

/** Fails with `lib-unsuited` where the target has no library. */
export function requireLibrary(library: LibraryUse | undefined, { target }: PlanTarget): void {
  if (library !== undefined && target !== 'cuda') throw cliFailure('lib-unsuited', { option: optionOf(library) });
}

/** The option that asks for it. */
export function optionOf(library: LibraryUse): string {
  return { large: '--lib', all: '--lib-all' }[library];
}
