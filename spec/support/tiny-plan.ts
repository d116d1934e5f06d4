/** Plans made by hand, for tests of devices. */
import type { Device } from '../../src/backends/device.ts';
import { compileTarget, type TargetName } from '../../src/backends/targets.ts';
import type { ValueId } from '../../src/compiler/ir/graph.ts';
import type { Expr, Kernel, KernelUniform, Statement, StorageType } from '../../src/compiler/ir/kernel.ts';
import { add, builtin, local, lt, mul, u32 } from '../../src/compiler/ir/kernel-expr.ts';
import {
  type HostScalars,
  PLAN_VERSION,
  type Plan,
  type Program,
  type Segment,
  type UniformWord,
  uniformBytes,
} from '../../src/compiler/ir/plan.ts';
import { ELEMENT_BYTES } from '../../src/compiler/ir/storage-type.ts';
import { type KernelTable, makeKernelTable } from '../../src/compiler/plan/kernel-table.ts';

export const SCALARS: HostScalars = { step: 0, seed: 0, micro: 0, lr: 0, bias1: 1, bias2: 1 };

export interface TinyPlan {
  readonly plan: Plan;
  readonly texts: Readonly<Record<string, string>>;
}

/** A plan of these segments; `write` adds kernels and rows to the table and gives the programs' steps. */
export function tinyPlan(
  segments: readonly Segment[],
  write: (table: KernelTable) => Readonly<Record<string, Program['steps']>>,
  target: TargetName = 'wgsl',
): TinyPlan {
  const table = makeKernelTable(compileTarget(target).emit);
  const programs = Object.entries(write(table)).map(([name, steps]) => [
    name,
    { steps, inputs: [], outputs: [], liveBytes: 0 },
  ]);
  const uniforms = uniformBytes(table.uniformRows().length, 256);
  const plan: Plan = {
    format_version: PLAN_VERSION,
    target,
    model: 'Tiny',
    spec: 'tiny.tfm',
    deviceClass: 'cpu',
    segments,
    kernels: table.entries(),
    matmuls: table.matmuls(),
    programs: Object.fromEntries(programs),
    weights: [],
    uniformRows: table.uniformRows(),
    gradients: 'gradients',
    accumulation: 1,
    memory: { plannedBytes: segments.reduce((sum, s) => sum + s.bytes, uniforms), liveBytes: 0 },
  };
  return { plan, texts: table.texts() };
}

export interface Stream {
  readonly name: string;
  readonly type: StorageType;
  readonly access: 'read' | 'read_write';
}

export const element = local('i', 'u32');

/** A kernel whose invocation i < `count` runs `body`, in which `element` is i. */
export function eachElement(
  name: string,
  count: number,
  streams: readonly Stream[],
  body: readonly Statement[],
  uniforms: readonly KernelUniform[] = [],
): Kernel {
  const limit = u32(count);
  return {
    name,
    doc: ['One element per invocation.'],
    buffers: streams.map((s) => ({ ...s, holds: s.name, elements: count, shape: `[width ${count}]` })),
    uniforms,
    shared: [],
    workgroup: 64,
    groups: Math.ceil(count / 64),
    functions: [],
    body: [
      { kind: 'let', name: 'i', value: add(mul(builtin('group'), u32(64)), builtin('local')) },
      { kind: 'if', condition: lt(element, limit), then: body, else: [] },
    ],
    flops: 0,
    bytes: 0,
    features: [],
  };
}

export function store(buffer: string, value: Expr): Statement {
  return { kind: 'store', buffer, index: element, value };
}

export function tableUniform(name: string): KernelUniform {
  return { name, type: 'f32', source: { kind: 'table', value: 0 as ValueId } };
}

/** Runs one kernel on the device: its read buffers get `inputs`, and what its last buffer then holds is the result. */
export async function runOnce(
  device: Device,
  kernel: Kernel,
  inputs: readonly ArrayBufferView[],
  scalars: HostScalars = SCALARS,
  row: readonly UniformWord[] = [],
): Promise<ArrayBuffer> {
  const sizes = kernel.buffers.map((b) => b.elements * ELEMENT_BYTES[b.type]);
  const bytes = sizes.map((size) => Math.ceil(size / 256) * 256);
  const segments = kernel.buffers.map((b, i): Segment => ({ name: b.name, role: 'inputs', bytes: bytes[i] ?? 0 }));
  const { plan, texts } = tinyPlan(
    segments,
    (table) => ({
      run: [
        {
          kind: 'launch',
          kernel: table.add(kernel, []),
          addresses: kernel.buffers.map((b, i) => ({ segment: b.name, offset: 0, bytes: sizes[i] ?? 0 })),
          ...(row.length > 0 ? { uniformRow: table.addRows([row]) } : {}),
          groups: [kernel.groups, 1, 1],
        },
      ],
    }),
    device.target,
  );
  const loaded = await device.load(plan, texts);
  try {
    inputs.forEach((data, i) => {
      loaded.write(kernel.buffers[i]?.name ?? '', 0, data);
    });
    loaded.run('run', scalars);
    const last = kernel.buffers[kernel.buffers.length - 1];
    return await loaded.read(last?.name ?? '', 0, sizes.at(-1) ?? 0);
  } finally {
    loaded.release();
  }
}
