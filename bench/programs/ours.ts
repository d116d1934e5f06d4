/** This project: `llama.tfm`, compiled and run as `tfm train` runs it. */
import { fileURLToPath } from 'node:url';
import { globals } from 'webgpu';
import { emit } from '../../src/backends/shared/emit.ts';
import { openWebGpu } from '../../src/backends/wgsl/device.ts';
import { WGSL } from '../../src/backends/wgsl/dialect.ts';
import { compile } from '../../src/compiler/compile.ts';
import { present } from '../../src/compiler/support/invariant.ts';
import { trainedWeights, writeWeights } from '../../src/runtime/plan-io.ts';
import { readSpec } from '../../src/runtime/read-spec.ts';
import { queueStep, readNumbers } from '../../src/runtime/run-step.ts';
import { stepScalars } from '../../src/runtime/step-scalars.ts';
import { importWeights, readTensorFile } from '../../src/runtime/weights-file.ts';
import { type Size, settingsOf } from '../sizes.ts';
import { serve, startArguments } from './serve.ts';
import { watchGpu } from './watch-gpu.ts';

Object.assign(globalThis, globals);
const counts = watchGpu();
const { path, size } = startArguments();
const start = readTensorFile(path);
const device = await openWebGpu();
const { plan, texts, train } = compile({
  source: readSpec(fileURLToPath(new URL('../../../bench/llama.tfm', import.meta.url))),
  set: [...settingsOf(size as Size), ...process.argv.slice(4)],
  purposes: ['train'],
  limits: device.limits,
  target: { name: 'wgsl', emit: (kernel) => emit(kernel, WGSL) },
});
const config = present(train, 'a train block');
const loaded = await device.load(plan, texts);
const ids = (name: string): Int32Array => {
  const { data } = present(start.tensors.get(name), name);
  return new Int32Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength));
};
const batch = { tokens: ids('tokens'), targets: ids('targets') };
const weights = new Map([...start.tensors].filter(([name]) => name !== 'tokens' && name !== 'targets'));
importWeights(loaded, { ...start, tensors: weights }, path, new Map());
for (const like of ['moment1', 'moment2'] as const) {
  writeWeights(loaded, like, trainedWeights(plan), (place) => new Float32Array(place.bytes / 4));
}

let step = 0;
await serve(async () => {
  const scalars = stepScalars(config, step);
  queueStep(loaded, batch, scalars);
  step += 1;
  const [numbers] = await readNumbers(loaded, step, 1);
  return present(numbers, 'the numbers of the step').loss;
}, counts);
