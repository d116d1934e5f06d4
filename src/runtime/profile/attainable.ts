/**
 * What a device can do, measured now: bytes a second of a plain copy, and operations a second of independent
 * multiply-adds. A kernel cannot take less than its bytes at the one and its operations at the other.
 */

import type { Device } from '../../backends/device.ts';
import { compileTarget, type TargetName } from '../../backends/targets.ts';
import type { Expr, Kernel, KernelBuffer, Statement } from '../../compiler/ir/kernel.ts';
import { add, builtin, cast, f32, load, local, mul, u32 } from '../../compiler/ir/kernel-expr.ts';
import { type KernelEntry, type Launch, PLAN_VERSION, type Plan } from '../../compiler/ir/plan.ts';
import { present } from '../../compiler/support/invariant.ts';
import { timeOf } from './time-of.ts';

export interface Attainable {
  readonly bytesPerSecond: number;
  /** Of the largest copy, which no cache holds. */
  readonly memoryBytesPerSecond: number;
  readonly flopsPerSecond: number;
}

const LANES = 64;
/**
 * Elements: 1 MiB each way, which caches keep, and 16 MiB: the faster counts, since some kernels find their operands in caches. A GPU may
 * keep both, and is asked for 512 MiB too.
 */
const COPIES: Readonly<Record<string, number>> = { copy_small: 1 << 18, copy_large: 1 << 22 };
const GPU_COPIED = 1 << 27;
const GPU_COPIES: typeof COPIES = { ...COPIES, copy_huge: GPU_COPIED };
/** Invocations that multiply and add, how often, and in how many chains that do not wait for each other. */
const BUSY = 1 << 14;
const TIMES = 256;
const CHAINS = 8;

export async function measureAttainable(device: Device, rounds: number): Promise<Attainable> {
  const { memoryBytes } = device.limits;
  const isLarge = !device.info.software && Number.isFinite(memoryBytes) && memoryBytes > 64 * GPU_COPIED;
  const copies = isLarge ? GPU_COPIES : COPIES;
  const { plan, texts } = probePlan(device.target, copies);
  const loaded = await device.load(plan, texts);
  try {
    const scalars = { step: 0, seed: 0, micro: 0, lr: 0, bias1: 1, bias2: 1 };
    const seconds = async (program: string): Promise<number> =>
      (await timeOf(loaded, rounds, () => loaded.run(program, scalars))) / 1000;
    const rates: number[] = [];
    for (const [program, count] of Object.entries(copies)) rates.push((2 * 4 * count) / (await seconds(program)));
    return {
      bytesPerSecond: Math.max(...rates),
      memoryBytesPerSecond: rates.at(-1) ?? Number.NaN,
      flopsPerSecond: (2 * BUSY * TIMES * CHAINS) / (await seconds('multiply_add')),
    };
  } finally {
    loaded.release();
  }
}

function probePlan(
  target: TargetName,
  copies: typeof COPIES,
): { readonly plan: Plan; readonly texts: Readonly<Record<string, string>> } {
  const most = Math.max(...Object.values(copies));
  const kernels = [copy(most), multiplyAdd(most)];
  const emitted = kernels.map(compileTarget(target).emit);
  const bytes = 4 * most;
  const entries = kernels.map((kernel, i): KernelEntry => {
    const { hash, entryPoint } = present(emitted[i], 'a kernel');
    return {
      name: kernel.name,
      hash,
      file: kernel.name,
      entryPoint,
      workgroup: LANES,
      bindings: kernel.buffers.map(({ name, access }) => ({ name, access })),
      flops: 0,
      bytes: 0,
      members: [],
      features: [],
    };
  });
  const launch = (kernel: number, segments: readonly string[], invocations: number): Launch => ({
    kind: 'launch',
    kernel,
    addresses: segments.map((segment) => ({ segment, offset: 0, bytes })),
    groups: folded(invocations / LANES),
  });
  const program = (step: Launch) => ({ steps: [step], inputs: [], outputs: [], liveBytes: 0 });
  const plan: Plan = {
    format_version: PLAN_VERSION,
    target,
    model: 'attainable',
    spec: '',
    deviceClass: 'cpu',
    segments: ['source', 'target'].map((name) => ({ name, role: 'inputs', bytes })),
    kernels: entries,
    matmuls: [],
    programs: {
      ...Object.fromEntries(
        Object.entries(copies).map(([name, count]) => [name, program(launch(0, ['source', 'target'], count))]),
      ),
      multiply_add: program(launch(1, ['target'], BUSY)),
    },
    weights: [],
    uniformRows: [],
    gradients: 'gradients',
    accumulation: 1,
    memory: { plannedBytes: 2 * bytes, liveBytes: 2 * bytes },
  };
  return {
    plan,
    texts: Object.fromEntries(emitted.map(({ text }, i) => [present(kernels[i], 'a kernel').name, text])),
  };
}

/** In two dimensions, since one holds 65,535 at most. */
function folded(groups: number): readonly [number, number, number] {
  const rows = Math.ceil(groups / 32_768);
  return [groups / rows, rows, 1];
}

const buffer = (name: string, access: 'read' | 'read_write', elements: number): KernelBuffer => ({
  name,
  holds: name,
  type: 'f32',
  elements,
  access,
  shape: `[${elements}]`,
});

const plain = { shared: [], functions: [], features: [], workgroup: LANES, uniforms: [], flops: 0, bytes: 0 } as const;
const invocation: Statement = {
  kind: 'let',
  name: 'i',
  value: add(mul(builtin('group'), u32(LANES)), builtin('local')),
};
const i = local('i', 'u32');

function copy(elements: number): Kernel {
  return {
    ...plain,
    name: 'copy',
    doc: ['Copies one element per invocation.'],
    buffers: [buffer('source', 'read', elements), buffer('target', 'read_write', elements)],
    groups: elements / LANES,
    body: [invocation, { kind: 'store', buffer: 'target', index: i, value: load('source', 'f32', i) }],
  };
}

function multiplyAdd(elements: number): Kernel {
  const chains = Array.from({ length: CHAINS }, (_, k) => `x${k}`);
  const value = (name: string): Expr => local(name, 'f32');
  return {
    ...plain,
    name: 'multiply_add',
    doc: ['Multiplies and adds in registers.'],
    buffers: [buffer('target', 'read_write', elements)],
    groups: BUSY / LANES,
    body: [
      invocation,
      ...chains.map((name, k): Statement => ({ kind: 'var', name, type: 'f32', value: add(cast('f32', i), f32(k)) })),
      {
        kind: 'for',
        name: 'round',
        from: u32(0),
        to: u32(TIMES),
        step: u32(1),
        body: chains.map(
          (name): Statement => ({
            kind: 'assign',
            name,
            value: add(mul(value(name), f32(0.999)), f32(0.001)),
          }),
        ),
      },
      { kind: 'store', buffer: 'target', index: i, value: chains.map(value).reduce((a, b) => add(a, b)) },
    ],
  };
}
