/** A training run from a compiled model to its last checkpoint: loads the plan, opens data and run folder, and trains. */
import { cpus } from 'node:os';
import type { Device, LoadedPlan } from '../backends/device.ts';
import type { TrainConfig } from '../compiler/ir/train.ts';
import type { CompiledFolder } from './compiled-folder.ts';
import { openTrainingData } from './data/training-data.ts';
import { nodeFiles } from './files.ts';
import { openBatches } from './open-batches.ts';
import { createRunFolder, type RunFolder, reopenRunFolder } from './run-folder.ts';
import { kernelsHash } from './run-settings.ts';
import type { SpecCopy } from './spec-copy.ts';
import type { StopRequest } from './stop-request.ts';
import { tilesOfPlan } from './tiles/run-tiles.ts';
import { type TrainResult, train } from './train.ts';
import type { TrainObserver } from './train-event.ts';
import { version } from './version.ts';

export interface TrainRequest {
  readonly device: Device;
  readonly model: Omit<CompiledFolder, 'train'> & { readonly spec: SpecCopy | undefined };
  readonly config: TrainConfig;
  /** Path of the run folder; nothing is written without. */
  readonly out: string | undefined;
  /** Go on with the run that is in the folder. */
  readonly resume: boolean;
  /** Replaces the initial weights of a new run. */
  readonly init?: ((loaded: LoadedPlan) => void) | undefined;
  readonly observe: TrainObserver;
  readonly stop: StopRequest;
  /** Uses the trained model before it leaves the device. */
  readonly after?: (loaded: LoadedPlan, result: TrainResult) => Promise<void>;
}

/** Fails with the codes of `diagnostics/data.ts`, `diagnostics/run.ts` and `diagnostics/device.ts`. */
export async function trainOnDevice(request: TrainRequest): Promise<TrainResult> {
  const { device, model, config, resume, init, observe, stop, after } = request;
  const data = openTrainingData(config, model.dataFolder);
  // Before there is a folder, so that data that does not fit leaves none behind.
  openBatches(model.plan, config, data);
  const run = openRun(request);
  try {
    const loaded = await device.load(model.plan, model.texts, { fromFiles: model.spec === undefined });
    try {
      const job = { loaded, lost: device.lost, config, data, run, resume, init, version: version(), observe, stop };
      const result = await train(job);
      await after?.(loaded, result);
      return result;
    } finally {
      loaded.release();
    }
  } finally {
    run?.close();
  }
}

function openRun({ device, model, config, out, resume }: TrainRequest): RunFolder | undefined {
  if (out === undefined) return undefined;
  const environment = {
    tfm: version(),
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    device: device.info,
    limits: device.limits,
    kernels: kernelsHash(model.plan),
  };
  const open = resume ? reopenRunFolder : createRunFolder;
  const { library } = model.plan;
  const tiles = tilesOfPlan(model.plan);
  return open(nodeFiles, out, { config, library, spec: model.spec, environment, tiles });
}
