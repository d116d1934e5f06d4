import type { Device, LoadedPlan } from '../backends/device.ts';
import type { Purpose } from '../compiler/compile-request.ts';
import type { TrainConfig } from '../compiler/ir/train.ts';
import { withDevice } from './device-options.ts';
import { knownTiles } from './known-tiles.ts';
import { type Model, openModel, trainBlock } from './open-model.ts';
import type { Options } from './options.ts';
import { specOptions } from './spec-options.ts';
import type { Terminal } from './terminal.ts';

/** A model on an open device. */
export interface Session {
  readonly device: Device;
  readonly model: Model;
  readonly config: TrainConfig;
  readonly loaded: LoadedPlan;
}

export interface SessionRequest {
  /** Spec or compiled folder. */
  readonly path: string;
  readonly command: string;
  readonly purposes: readonly Purpose[];
  /** Told before anything is allocated. */
  readonly before?: (model: Model) => void;
}

/** Opens the device, compiles for it or reads the folder, loads the plan, and works. All is released at the end. */
export function withSession<T>(
  request: SessionRequest,
  options: Options,
  terminal: Terminal,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  return withDevice(options, terminal, async (device) => {
    const { path, command, purposes } = request;
    const model = openModel(
      path,
      { ...specOptions(options), purposes, device, tiles: knownTiles(device, terminal) },
      terminal,
    );
    const config = trainBlock(model.train, command, path);
    request.before?.(model);
    const loaded = await device.load(model.plan, model.texts, { fromFiles: model.spec === undefined });
    try {
      return await work({ device, model, config, loaded });
    } finally {
      loaded.release();
    }
  });
}
