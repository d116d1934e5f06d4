import type { Device } from '../../backends/device.ts';
import type { TrainConfig } from '../../compiler/ir/train.ts';
import { trainOnDevice } from '../../runtime/train-on-device.ts';
import type { Model } from '../open-model.ts';
import type { Measured } from './budget.ts';

/** Enough to see past the first, in which the driver compiles. */
const STEPS = 5;
/** No use to wait longer: the answer is known by then. */
const ENOUGH_SECONDS = 30;

/** Takes a few steps, with a validation of one batch after each, and throws them away. */
export async function measureSteps(device: Device, model: Model, config: TrainConfig): Promise<Measured> {
  const began = performance.now();
  const elapsed = (): number => (performance.now() - began) / 1000;
  const steps: number[] = [];
  const validations: number[] = [];
  let start = 0;
  let stepped = 0;
  const sequences = Number(config.micro);
  await trainOnDevice({
    device,
    model,
    config: { ...config, evalEvery: 1, evalTokens: 1, probeEvery: config.steps },
    out: undefined,
    resume: false,
    observe: (event) => {
      if (event.kind === 'step') {
        stepped = elapsed();
        if (steps.push(event.seconds) === 1) start = stepped;
      }
      if (event.kind === 'validation') validations.push(elapsed() - stepped);
    },
    stop: {
      signal: () => (steps.length >= STEPS || (steps.length > 1 && elapsed() > ENOUGH_SECONDS) ? 'SIGINT' : undefined),
    },
  });
  return { start, step: meanOfLater(steps), forward: meanOfLater(validations) / sequences };
}

/** The mean without the first, which is slower. */
function meanOfLater(seconds: readonly number[]): number {
  const later = seconds.slice(1);
  return Math.max(1e-5, later.reduce((sum, s) => sum + s, 0) / Math.max(1, later.length));
}
