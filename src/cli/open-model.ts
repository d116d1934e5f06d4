import { dirname } from 'node:path';
import type { PlanTarget } from '../backends/device.ts';
import { compileTarget } from '../backends/targets.ts';
import { compile } from '../compiler/compile.ts';
import type { Compiled, CompileRequest, Purpose } from '../compiler/compile-request.ts';
import { cliFailure } from '../compiler/diagnostics/cli.ts';
import type { TileTable } from '../compiler/ir/tiling.ts';
import type { TrainConfig } from '../compiler/ir/train.ts';
import { type CompiledFolder, readCompiledFolder } from '../runtime/compiled-folder.ts';
import { nodeFiles } from '../runtime/files.ts';
import { isFolder, readSpec } from '../runtime/read-spec.ts';
import { type SpecCopy, specCopy } from '../runtime/spec-copy.ts';
import { optionOf, requireLibrary } from './library-options.ts';
import { showDiagnostics } from './show-diagnostics.ts';
import type { SpecOptions } from './spec-options.ts';
import type { Terminal } from './terminal.ts';

/** A spec that was compiled now. */
export interface CompiledSpec {
  readonly compiled: Compiled;
  readonly spec: SpecCopy;
  readonly dataFolder: string;
}

/** What training, evaluation and sampling need, from a spec or from a compiled folder. */
export interface Model extends CompiledFolder {
  /** Undefined for a compiled folder. */
  readonly spec: SpecCopy | undefined;
}

export interface CompileOptions
  extends SpecOptions,
    Pick<CompileRequest, 'purposes' | 'sizes' | 'tiles' | 'fuse' | 'dump'> {
  readonly device: PlanTarget;
}

/** What a training plan holds. `tfm grad` asks for the same, so that it runs the same kernels in the same memory. */
export const TRAIN_PURPOSES = ['train', 'evaluate', 'logits', 'probes'] as const;

/** Compiles a spec for a device and tells its warnings. */
export function compileSpec(path: string, options: CompileOptions, terminal: Terminal): CompiledSpec {
  requireLibrary(options.library, options.device);
  const source = readSpec(path);
  const compiled = compile({
    ...options,
    source,
    limits: options.device.limits,
    target: compileTarget(options.device.target),
  });
  // The JSON of these commands is their result, so warnings are told.
  showDiagnostics(compiled.warnings, options.format === 'github-actions' ? options.format : 'text', terminal);
  return { compiled, spec: specCopy(compiled.files), dataFolder: dirname(path) };
}

export interface ModelOptions extends SpecOptions {
  readonly purposes: readonly Purpose[];
  readonly device: PlanTarget;
  readonly tiles?: TileTable;
}

/** A spec is compiled for the device; a folder is read, and takes no settings. */
export function openModel(path: string, options: ModelOptions, terminal: Terminal): Model {
  if (!isFolder(path)) {
    const { compiled, spec, dataFolder } = compileSpec(path, options, terminal);
    return { plan: compiled.plan, texts: compiled.texts, train: compiled.train, dataFolder, spec };
  }
  if (options.set.length > 0) throw cliFailure('folder-is-fixed', { path, option: '--set' });
  if (options.entry !== undefined) throw cliFailure('folder-is-fixed', { path, option: '--entry' });
  if (options.library !== undefined) throw cliFailure('folder-is-fixed', { path, option: optionOf(options.library) });
  return { ...readCompiledFolder(nodeFiles, path), spec: undefined };
}

/** Fails with `train-block-missing`. */
export function trainBlock(train: TrainConfig | undefined, command: string, path: string): TrainConfig {
  if (!train) throw cliFailure('train-block-missing', { command, path });
  return train;
}
