/** This project: `llama.tfm`, compiled and run as `tfm train` runs it. */
import { globals } from 'webgpu';
import { openWebGpu } from '../../src/backends/wgsl/device.ts';
import { present } from '../../src/compiler/support/invariant.ts';
import { queueStep, readNumbers } from '../../src/runtime/run-step.ts';
import { stepScalars } from '../../src/runtime/step-scalars.ts';
import type { Size } from '../sizes.ts';
import { loadLlama } from './load-llama.ts';
import { serve, startArguments } from './serve.ts';
import { watchGpu } from './watch-gpu.ts';

Object.assign(globalThis, globals);
const counts = watchGpu();
const { path, size } = startArguments();
const device = await openWebGpu();
const { loaded, config, batch } = await loadLlama(device, path, size as Size, process.argv.slice(4));

let step = 0;
await serve(async () => {
  const scalars = stepScalars(config, step);
  queueStep(loaded, batch, scalars);
  step += 1;
  const [numbers] = await readNumbers(loaded, step, 1);
  return present(numbers, 'the numbers of the step').loss;
}, counts);
