/** This project: the value and the gradients of a spec in `micro/`, by the kernels of `tfm train`, without its update. */
import { fileURLToPath } from 'node:url';
import { globals } from 'webgpu';
import { emit } from '../../src/backends/shared/emit.ts';
import { openWebGpu } from '../../src/backends/wgsl/device.ts';
import { WGSL } from '../../src/backends/wgsl/dialect.ts';
import { compile } from '../../src/compiler/compile.ts';
import { present } from '../../src/compiler/support/invariant.ts';
import { programOf } from '../../src/runtime/plan-io.ts';
import { readSpec } from '../../src/runtime/read-spec.ts';
import { batchShape, queueGradients, readLoss } from '../../src/runtime/run-step.ts';
import { stepScalars } from '../../src/runtime/step-scalars.ts';
import { importWeights, readTensorFile } from '../../src/runtime/weights-file.ts';
import type { MicroCase } from '../micro-cases.ts';
import { serve, startArguments } from './serve.ts';
import { watchGpu } from './watch-gpu.ts';

Object.assign(globalThis, globals);
const counts = watchGpu();
const { path, size } = startArguments();
const { kind, set } = size as MicroCase;
const spec = process.argv[4] === 'unfused' ? `${kind}-unfused` : kind;
const start = readTensorFile(path);
const device = await openWebGpu();
const { plan, texts, train } = compile({
  source: readSpec(fileURLToPath(new URL(`../../../bench/micro/${spec}.tfm`, import.meta.url))),
  set: Object.entries(set).map(([name, value]) => `${name}=${value}`),
  purposes: ['train'],
  limits: device.limits,
  target: { name: 'wgsl', emit: (kernel) => emit(kernel, WGSL) },
  fuse: spec === kind,
});
const scalars = stepScalars(present(train, 'a train block'), 0);
const loaded = await device.load(plan, texts);
const { data } = present(start.tensors.get('targets'), 'targets');
const targets = new Int32Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength));
const weights = new Map([...start.tensors].filter(([name]) => name !== 'targets'));
importWeights(loaded, { ...start, tensors: weights }, path, new Map());

// A function without targets takes no batch, which counts as one id.
const { rows, time } = batchShape(programOf(plan, 'micro'));
const ids = targets.subarray(0, rows * time);
await serve(() => {
  queueGradients(loaded, { tokens: ids, targets: ids }, scalars);
  return readLoss(loaded);
}, counts);
