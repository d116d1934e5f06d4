import type { Device, LoadedPlan } from '../../backends/device.ts';
import type { TileTable } from '../../compiler/ir/tiling.ts';
import type { TrainConfig } from '../../compiler/ir/train.ts';
import { beginTraining, someBatch } from '../profile/begin-step.ts';
import { queueStep, readNumbers } from '../run-step.ts';
import { stepScalars } from '../step-scalars.ts';
import type { StopRequest } from '../stop-request.ts';
import { type TunedProduct, type TuneProgress, tuneProducts } from './tune-products.ts';
import type { Build } from './variants.ts';

export interface TuneModelRequest {
  readonly device: Device;
  readonly config: TrainConfig;
  /** Compile all that training takes, and what sampling takes, with some tiles. */
  readonly training: (tiles: TileTable) => Build;
  readonly decoding: (tiles: TileTable) => Build;
  readonly candidates: number;
  readonly rounds: number;
  readonly observe: (progress: TuneProgress) => void;
  readonly stop: StopRequest;
}

/** The fastest tile of each product of a model: of a training step, of evaluation and of sampling. */
export async function tuneModel(request: TuneModelRequest): Promise<readonly TunedProduct[]> {
  const { config, training, decoding, ...common } = request;
  const scalars = stepScalars(config, 0);
  const step = async (loaded: LoadedPlan): Promise<void> => {
    beginTraining(loaded, config);
    queueStep(loaded, someBatch(loaded.plan), scalars);
    await readNumbers(loaded, 1, 1);
  };
  const known = new Set<string>();
  const trained = await tuneProducts({ ...common, scalars, build: training, prepare: step, known });
  if (request.stop.signal()) return trained;
  for (const { key } of trained) known.add(key);
  // Of zeros: none of it takes time that depends on the numbers.
  const nothing = (): Promise<void> => Promise.resolve();
  return [...trained, ...(await tuneProducts({ ...common, scalars, build: decoding, prepare: nothing, known }))];
}
