import type { Command } from 'commander';
import type { LoadedPlan } from '../backends/device.ts';
import { nodeFiles } from '../runtime/files.ts';
import { loadWeights, type WeightsOrigin } from '../runtime/load-weights.ts';
import type { NameMap } from '../runtime/match-weights.ts';
import { readNameMap } from '../runtime/weights-file.ts';
import { givenText, type Options, text } from './options.ts';
import type { Terminal } from './terminal.ts';

/** Declares the options of commands that work with trained weights. */
export function takesWeights(command: Command): Command {
  return command
    .requiredOption('--weights <path>', 'a run folder, a checkpoint, or a safetensors file')
    .option('--names <map>', 'JSON file that maps names of the spec to names in the safetensors file');
}

export function givenNames(options: Options): NameMap | undefined {
  const path = text(options, 'names');
  return path === undefined ? undefined : readNameMap(path);
}

/** Puts the weights that the options name on the device. */
export function loadGivenWeights(loaded: LoadedPlan, options: Options, terminal: Terminal): WeightsOrigin {
  const origin = loadWeights(loaded, nodeFiles, givenText(options, 'weights'), givenNames(options));
  for (const skipped of origin.skipped) terminal.tell(`skipped a checkpoint that is not usable: ${skipped}`);
  return origin;
}
