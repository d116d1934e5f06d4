/** Runs the kernels of a fused graph without loops, each value in a buffer of its own, and compares with the reference. */
import { interpret } from '../../src/backends/reference/interpret.ts';
import { emit } from '../../src/backends/shared/emit.ts';
import { findAdapter } from '../../src/backends/wgsl/adapter.ts';
import { WGSL } from '../../src/backends/wgsl/dialect.ts';
import { MAP_READ, USAGE } from '../../src/backends/wgsl/gpu.ts';
import type { Graph, ValueId } from '../../src/compiler/ir/graph.ts';
import type { Kernel, TargetLimits } from '../../src/compiler/ir/kernel.ts';
import type { FusedGraph, Region } from '../../src/compiler/ir/region.ts';
import { elementsOf } from '../../src/compiler/ir/tensor-type.ts';
import { verifyKernel } from '../../src/compiler/ir/verify-kernel.ts';
import { type LowerContext, lowerContext } from '../../src/compiler/lower/context.ts';
import { fusePass } from '../../src/compiler/passes/fuse/fuse.ts';
import { invariant, present } from '../../src/compiler/support/invariant.ts';
import { bitsOf, nearest } from './narrow.ts';
import { randomNumbers } from './random-rows.ts';
import { runKernel } from './run-kernel.ts';

/** The adapter that the environment asks for, or the best one. */
export async function openGpu(): Promise<GPUDevice> {
  const adapter = await findAdapter({ adapter: process.env.TFM_ADAPTER || undefined, notify: () => undefined });
  const { maxStorageBuffersPerShaderStage } = adapter.limits;
  const requiredFeatures = [...adapter.features].filter((feature) => feature === 'subgroups');
  const device = await adapter.requestDevice({ requiredFeatures, requiredLimits: { maxStorageBuffersPerShaderStage } });
  device.onuncapturederror = ({ error }) => {
    throw error;
  };
  return device;
}

/** The size of all subgroups of a device; 0 where they differ or there are none. */
export function subgroupSizeOf({ features, adapterInfo }: GPUDevice): number {
  const { subgroupMinSize, subgroupMaxSize } = adapterInfo;
  return features.has('subgroups') && subgroupMinSize === subgroupMaxSize ? (subgroupMaxSize ?? 0) : 0;
}

export function limitsOf(deviceClass: TargetLimits['deviceClass'], subgroupSize = 0): TargetLimits {
  return {
    storageBindings: 8,
    bindingBytes: 2 ** 27,
    bufferBytes: 2 ** 28,
    memoryBytes: 2 ** 32,
    offsetAlignment: 256,
    groupsPerDimension: 65535,
    invocationsPerGroup: 256,
    sharedBytes: 16384,
    deviceClass,
    subgroupSize,
    narrow: [],
    copyBytes: 0,
    matrixUnits: 0,
  };
}

export type Lower = (context: LowerContext, region: Region) => Kernel;

export interface Buffers {
  readonly of: (value: ValueId) => GPUBuffer;
}

export function makeBuffers(device: GPUDevice, context: LowerContext): Buffers {
  const buffers = new Map<ValueId, GPUBuffer>();
  const usage = USAGE.storage | USAGE.copySource | USAGE.copyTarget;
  return {
    of(value) {
      const holds = context.memoryOf(value);
      const size = 4 * Math.max(1, elementsOf(context.value(holds).type.axes));
      const buffer = buffers.get(holds) ?? device.createBuffer({ size, usage });
      // What no kernel writes stays NaN.
      if (!buffers.has(holds)) device.queue.writeBuffer(buffer, 0, new Float32Array(size / 4).fill(Number.NaN));
      buffers.set(holds, buffer);
      return buffer;
    },
  };
}

/** A launch of a kernel that can be repeated. */
export function prepare(device: GPUDevice, kernel: Kernel, buffers: Buffers): (pass: GPUComputePassEncoder) => void {
  verifyKernel(kernel);
  invariant(kernel.uniforms.length === 0, 'kernels of tests have no uniforms');
  const module = device.createShaderModule({ code: emit(kernel, WGSL).text });
  const pipeline = device.createComputePipeline({ layout: 'auto', compute: { module } });
  const entries = kernel.buffers.map((buffer, binding) => {
    invariant(typeof buffer.holds !== 'string', 'a buffer holds a value');
    return { binding, resource: { buffer: buffers.of(buffer.holds) } };
  });
  const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  return (pass) => {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(kernel.groups);
  };
}

export async function readBuffer(device: GPUDevice, buffer: GPUBuffer): Promise<Float32Array> {
  const target = device.createBuffer({ size: buffer.size, usage: USAGE.mapRead | USAGE.copyTarget });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, 0, target, 0, buffer.size);
  device.queue.submit([encoder.finish()]);
  await target.mapAsync(MAP_READ);
  const data = new Float32Array(target.getMappedRange().slice(0));
  target.destroy();
  return data;
}

/** Random numbers in [-1, 1) for float inputs, small whole numbers for ints, 0 or 1 for bools. */
export function randomInputs(graph: Graph, seed: number): ReadonlyMap<string, Float64Array> {
  const random = randomNumbers(seed);
  return new Map(
    graph.inputs.map(({ name, type }) => {
      const draw = {
        float: () => Math.fround(2 * random() - 1),
        int: () => Math.floor(7 * random()),
        bool: () => Math.round(random()),
      };
      return [name, Float64Array.from({ length: elementsOf(type.axes) }, () => draw[type.kind]())];
    }),
  );
}

export interface Difference {
  readonly output: string;
  /** Norm of the difference over the norm of the reference. */
  readonly relative: number;
}

export interface Prepared {
  readonly context: LowerContext;
  readonly kernels: readonly Kernel[];
  readonly inputs: ReadonlyMap<string, Float64Array>;
  readonly expected: ReadonlyMap<string, Float64Array>;
}

/**
 * `precision`: in which operands are multiplied. The inputs are of that type, so that the reference has the same operands; they lie in
 * memory as f32, unless `prepared` changes what was fused.
 */
export function prepareGraph(
  graph: Graph,
  limits: TargetLimits,
  lower: Lower,
  fuse = true,
  precision: LowerContext['precision'] = 'f32',
  prepared: (fused: FusedGraph) => FusedGraph = (fused) => fused,
): Prepared {
  const drawn = randomInputs(graph, 1);
  const rounded = (x: number): number => (precision === 'f32' ? x : nearest(precision, x));
  const inputs = new Map([...drawn].map(([name, data]) => [name, data.map(rounded)] as const));
  const host = { inputs, weights: new Map(), runtime: { step: 0, lr: 0 }, seed: 0, micro: 0 };
  const expected = interpret(graph, host);
  const pass = fusePass({ fuse, limits, precision });
  const fused = prepared({ ...pass.run(graph), precision });
  pass.verify(fused);
  const context = lowerContext(fused, limits);
  const kernels = fused.steps.map((step) => {
    invariant(step.kind === 'region', 'a graph without loops');
    const kernel = lower(context, step.region);
    verifyKernel(kernel);
    return kernel;
  });
  return { context, kernels, inputs, expected };
}

/** How far the outputs of a graph, computed by its kernels on a device, are from those of the reference. */
export async function compareOnDevice(
  device: GPUDevice,
  graph: Graph,
  limits: TargetLimits,
  lower: Lower,
  fuse = true,
): Promise<readonly Difference[]> {
  const { context, kernels, inputs, expected } = prepareGraph(graph, limits, lower, fuse);
  const buffers = makeBuffers(device, context);
  fillInputs(device, context, buffers, inputs);
  const encoder = device.createCommandEncoder();
  for (const kernel of kernels) {
    const pass = encoder.beginComputePass();
    prepare(device, kernel, buffers)(pass);
    pass.end();
  }
  device.queue.submit([encoder.finish()]);
  const results: Difference[] = [];
  for (const { name, value } of context.fused.graph.outputs) {
    const data = await readBuffer(device, buffers.of(value));
    results.push({ output: name, relative: relativeError(present(expected.get(name), name), data) });
  }
  return results;
}

/** The same without a device, which finds accesses out of bounds and barriers that are not reached. */
export function compareHere(
  graph: Graph,
  limits: TargetLimits,
  lower: Lower,
  fuse = true,
  precision: LowerContext['precision'] = 'f32',
  prepared?: (fused: FusedGraph) => FusedGraph,
): readonly Difference[] {
  const { context, kernels, inputs, expected } = prepareGraph(graph, limits, lower, fuse, precision, prepared);
  const values = new Map<ValueId, Float64Array>();
  const memoryOf = (id: ValueId): Float64Array => {
    const holds = context.memoryOf(id);
    const data = values.get(holds) ?? new Float64Array(elementsOf(context.value(holds).type.axes)).fill(Number.NaN);
    values.set(holds, data);
    return data;
  };
  for (const { id, name } of inputValues(context)) memoryOf(id).set(present(inputs.get(name), name));
  for (const kernel of kernels) {
    const memory = kernel.buffers.map(({ name, holds }) => {
      invariant(typeof holds !== 'string', 'a buffer holds a value');
      return [name, memoryOf(holds)] as const;
    });
    runKernel(kernel, Object.fromEntries(memory));
  }
  return context.fused.graph.outputs.map(({ name, value }) => ({
    output: name,
    relative: relativeError(present(expected.get(name), name), memoryOf(value)),
  }));
}

export function inputValues(context: LowerContext): readonly { readonly id: ValueId; readonly name: string }[] {
  return context.fused.graph.block.ops.flatMap((op) =>
    op.kind === 'input' ? op.results.map(({ id }) => ({ id, name: op.attrs.name })) : [],
  );
}

/** Elements of a value as they lie in memory. */
export function cellsOf(
  context: LowerContext,
  id: ValueId,
  data: Float64Array,
): Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Uint16Array<ArrayBuffer> {
  const { storage } = context.value(id).type;
  const cells = {
    float: () =>
      storage === 'f16' || storage === 'bf16'
        ? Uint16Array.from(data, (x) => bitsOf(storage, x))
        : Float32Array.from(data),
    int: () => Int32Array.from(data),
    bool: () => Uint32Array.from(data),
  };
  return cells[context.value(id).type.kind]();
}

export function fillInputs(
  device: GPUDevice,
  context: LowerContext,
  buffers: Buffers,
  inputs: ReadonlyMap<string, Float64Array>,
): void {
  for (const { id, name } of inputValues(context))
    device.queue.writeBuffer(buffers.of(id), 0, cellsOf(context, id, present(inputs.get(name), name)));
}

export function relativeError(expected: Float64Array, found: ArrayLike<number>): number {
  let difference = 0;
  let norm = 0;
  expected.forEach((e, i) => {
    difference += (e - (found[i] ?? Number.NaN)) ** 2;
    norm += e ** 2;
  });
  return Math.sqrt(difference / Math.max(norm, 1e-30));
}
