import type { Device } from '../../backends/device.ts';
import type { TrainConfig } from '../../compiler/ir/train.ts';
import { trainOnDevice } from '../../runtime/train-on-device.ts';
import type { Model } from '../open-model.ts';
import type { Measured } from './budget.ts';

/** Enough to see past the first, in which the driver compiles. */
const STEPS = 5;
/** No use to wait longer: the answer is known by then. */
const ENOUGH_SECONDS = 30;

/** Takes a few steps and throws them away. */
export async function measureSteps(device: Device, model: Model, config: TrainConfig): Promise<Measured> {
  const began = performance.now();
  const ends: number[] = [];
  const elapsed = (): number => (performance.now() - began) / 1000;
  await trainOnDevice({
    device,
    model,
    config: { ...config, evalEvery: config.steps, probeEvery: config.steps },
    out: undefined,
    resume: false,
    observe: (event) => {
      if (event.kind === 'step') ends.push(elapsed());
    },
    stop: {
      signal: () => (ends.length >= STEPS || (ends.length > 1 && elapsed() > ENOUGH_SECONDS) ? 'SIGINT' : undefined),
    },
  });
  const [first = 0, last = 0] = [ends[0], ends.at(-1)];
  return { start: first, step: Math.max(1e-4, (last - first) / Math.max(1, ends.length - 1)) };
}
