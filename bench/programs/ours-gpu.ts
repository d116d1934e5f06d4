/**
 * This project on a GPU: `llama.tfm` on the device that the first argument behind the size names, with settings behind it, of which
 * `library=large` or `library=all` gives products of matrices to a library. Steps are queued one behind the other, as in training.
 */
import { DEVICE_NAMES, openDevice } from '../../src/backends/open-device.ts';
import { present } from '../../src/compiler/support/invariant.ts';
import { followSteps } from '../../src/runtime/follow-steps.ts';
import { queueStep } from '../../src/runtime/run-step.ts';
import { stepScalars } from '../../src/runtime/step-scalars.ts';
import type { Size } from '../sizes.ts';
import { loadLlama } from './load-llama.ts';
import { serveTogether, startArguments } from './serve.ts';

const { path, size } = startArguments();
const [name, ...given] = process.argv.slice(4);
const library = (['large', 'all'] as const).find((use) => given.includes(`library=${use}`));
const settings = given.filter((setting) => !setting.startsWith('library='));
const device = await openDevice(
  present(
    DEVICE_NAMES.find((each) => each === name),
    `device ${name}`,
  ),
);
const { loaded, config, batch } = await loadLlama(device, path, size as Size, settings, library);
const follower = followSteps(loaded, 0);

let step = 0;
await serveTogether(async (count) => {
  const losses: number[] = [];
  const encodeMs: number[] = [];
  for (let i = 0; i < count; i += 1) {
    const finished = await follower.step(() => {
      const began = performance.now();
      queueStep(loaded, batch, stepScalars(config, step));
      encodeMs.push(performance.now() - began);
    });
    step += 1;
    losses.push(...finished.map(({ loss }) => loss));
  }
  losses.push(...(await follower.rest()).map(({ loss }) => loss));
  return { losses, encodeMs, gpuPeakBytes: loaded.allocatedBytes };
});
