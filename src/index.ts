/**
 * The library: `check` and `compile` specs, `train` them, and `trainCompiled` what `tfm compile` wrote. What goes wrong
 * is thrown as a `Failure` with diagnostics.
 */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Device } from './backends/device.ts';
import { type DeviceName, openDevice } from './backends/open-device.ts';
import { compileTarget, TARGETS, type TargetName } from './backends/targets.ts';
import { check as checkSource } from './compiler/check.ts';
import { compile as compileSource } from './compiler/compile.ts';
import type { Compiled, Purpose } from './compiler/compile-request.ts';
import { cliFailure } from './compiler/diagnostics/cli.ts';
import { type Diagnostic, Failure } from './compiler/diagnostics/diagnostic.ts';
import type { TargetLimits } from './compiler/ir/kernel.ts';
import type { LibraryUse } from './compiler/ir/matmul.ts';
import type { TrainConfig } from './compiler/ir/train.ts';
import type { Source } from './compiler/support/source.ts';
import { readCompiledFolder } from './runtime/compiled-folder.ts';
import { nodeFiles } from './runtime/files.ts';
import { readSpec, specOf } from './runtime/read-spec.ts';
import { specCopy } from './runtime/spec-copy.ts';
import type { StopRequest } from './runtime/stop-request.ts';
import { tilesOfRun } from './runtime/tiles/tiles-of-device.ts';
import type { TrainResult } from './runtime/train.ts';
import type { TrainObserver } from './runtime/train-event.ts';
import { trainOnDevice } from './runtime/train-on-device.ts';

export type { Device, DeviceInfo, LoadedPlan } from './backends/device.ts';
export { type DeviceName, openDevice } from './backends/open-device.ts';
export { DEFAULT_LIMITS } from './backends/wgsl/default-limits.ts';
export type { Compiled, Purpose } from './compiler/compile-request.ts';
export { type Diagnostic, EXIT, type ExitCode, Failure } from './compiler/diagnostics/diagnostic.ts';
export { renderDiagnostics } from './compiler/diagnostics/render.ts';
export type { TargetLimits } from './compiler/ir/kernel.ts';
export type { LibraryUse } from './compiler/ir/matmul.ts';
export type { Plan } from './compiler/ir/plan.ts';
export type { TrainConfig } from './compiler/ir/train.ts';
export type { TrainResult } from './runtime/train.ts';
export type { TrainEvent, TrainObserver } from './runtime/train-event.ts';

/** A spec: a path, or a text with the path that messages show and to whose folder paths of data are relative. */
export type Spec = string | { readonly path: string; readonly text: string };

export interface SpecOptions {
  /** Name of a model or of a train block; not needed when the spec has one. */
  readonly entry?: string;
  /** `NAME=EXPR`, as with `--set`. */
  readonly set?: readonly string[];
}

export interface CompileOptions extends SpecOptions {
  /** Training unless given. */
  readonly purposes?: readonly Purpose[];
  /** The language of the kernels; WGSL unless given. */
  readonly target?: TargetName;
  /** Those of the device that will run it; what all devices that run the target can do unless given. */
  readonly limits?: TargetLimits;
  /** Which products of matrices cuBLASLt computes, on CUDA; every kernel is generated unless given. */
  readonly library?: LibraryUse;
  /** Sizes of input axes that win over the train block. */
  readonly sizes?: Readonly<Record<string, number>>;
}

export interface TrainOptions {
  /** Folder of the run; nothing is written without. */
  readonly out?: string;
  /** Go on with the run in `out`. */
  readonly resume?: boolean;
  /**
   * A device that is open already; unless given, the best adapter of WebGPU is opened, and closed again, or for a folder of CUDA
   * kernels the GPU.
   */
  readonly device?: Device;
  readonly observe?: TrainObserver;
  /** Saves and ends after the step it is in when aborted. */
  readonly signal?: AbortSignal;
}

/** What is wrong with a spec; empty when nothing is. */
export function check(spec: Spec, options: SpecOptions = {}): readonly Diagnostic[] {
  try {
    return checkSource({ source: sourceOf(spec), entry: options.entry, set: options.set ?? [] }).warnings;
  } catch (error) {
    if (error instanceof Failure) return error.diagnostics;
    throw error;
  }
}

/** Compiles a spec to kernels and the plan that runs them. */
export function compile(spec: Spec, options: CompileOptions = {}): Compiled {
  const { entry, set = [], purposes = ['train'], target: name = 'wgsl', sizes = {} } = options;
  const { limits = TARGETS[name].limits, library } = options;
  if (library !== undefined && name !== 'cuda') throw cliFailure('lib-unsuited', { option: 'library' });
  const target = compileTarget(name);
  return compileSource({ source: sourceOf(spec), entry, set, sizes, purposes, limits, target, library });
}

/** Compiles a spec for the device and trains it as its train block says. */
export function train(
  spec: Spec,
  options: SpecOptions & TrainOptions & Pick<CompileOptions, 'library'> = {},
): Promise<TrainResult> {
  const source = sourceOf(spec);
  return withDevice(options, 'wgsl', (device) => {
    const { entry, set = [], library, out, resume = false } = options;
    if (library !== undefined && device.target !== 'cuda') throw cliFailure('lib-unsuited', { option: 'library' });
    const compiled = compileSource({
      source,
      entry,
      set,
      purposes: ['train', 'evaluate', 'logits', 'probes'],
      limits: device.limits,
      target: compileTarget(device.target),
      library,
      tiles: tilesOfRun(nodeFiles, device, { out, resume }).tiles,
    });
    const { plan, texts, train: config } = compiled;
    if (!config) throw cliFailure('train-block-missing', { command: 'train', path: source.path });
    const model = { plan, texts, dataFolder: dirname(source.path), spec: specCopy(compiled.files) };
    return trainOnDevice({ ...runOptions(options), device, model, config });
  });
}

/** Trains what `tfm compile` wrote to a folder, with the kernels and the memory plan that are in it. */
export function trainCompiled(
  folder: URL | string,
  options: TrainOptions & { readonly config?: TrainConfig } = {},
): Promise<TrainResult> {
  const path = typeof folder === 'string' ? folder : fileURLToPath(folder);
  const model = { ...readCompiledFolder(nodeFiles, path), spec: undefined };
  const config = options.config ?? model.train;
  if (!config) throw cliFailure('train-block-missing', { command: 'train', path });
  return withDevice(options, DEVICE_FOR[model.plan.target], (device) =>
    trainOnDevice({ ...runOptions(options), device, model, config }),
  );
}

function sourceOf(spec: Spec): Source {
  return typeof spec === 'string' ? readSpec(spec) : specOf(spec.path, spec.text);
}

function runOptions({ out, resume = false, observe = () => {}, signal }: TrainOptions) {
  const stop: StopRequest = { signal: () => (signal?.aborted ? 'SIGINT' : undefined) };
  return { out, resume, observe, stop };
}

/** What runs the kernels of a compiled folder, unless the caller has opened something. */
const DEVICE_FOR: { readonly [N in TargetName]: DeviceName } = { wgsl: 'wgsl', cuda: 'cuda' };

async function withDevice<T>(
  { device }: TrainOptions,
  name: DeviceName,
  work: (device: Device) => Promise<T>,
): Promise<T> {
  if (device) return work(device);
  const opened = await openDevice(name);
  try {
    return await work(opened);
  } finally {
    opened.close();
  }
}
