import type { LoadedPlan } from '../backends/device.ts';
import type { TrainConfig } from '../compiler/ir/train.ts';
import type { TrainingData } from './data/training-data.ts';
import type { RunFolder } from './run-folder.ts';
import type { StopRequest } from './stop-request.ts';
import type { TrainObserver } from './train-event.ts';

/** A training run: what to run, on what, and who wants to know. */
export interface TrainJob {
  readonly loaded: LoadedPlan;
  /** Rejects when the device is lost. */
  readonly lost: Promise<never>;
  readonly config: TrainConfig;
  readonly data: TrainingData;
  /** Where to log and save; nothing is written without. */
  readonly run: RunFolder | undefined;
  /** Go on from the newest checkpoint of `run`, or from the start when there is none. */
  readonly resume: boolean;
  /** Replaces the initial weights of a run that begins; it puts others on the device. */
  readonly init?: ((loaded: LoadedPlan) => void) | undefined;
  /** Version of tfm, for manifests. */
  readonly version: string;
  readonly observe: TrainObserver;
  readonly stop: StopRequest;
}
