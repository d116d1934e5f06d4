import { deviceFailure } from '../../compiler/diagnostics/device.ts';
import { Failure } from '../../compiler/diagnostics/diagnostic.ts';
import { type HostScalars, type Plan, RUNTIME_SCALARS } from '../../compiler/ir/plan.ts';
import { present } from '../../compiler/support/invariant.ts';
import type { Device, KernelTexts, LoadedPlan, LoadOptions } from '../device.ts';
import { checkPlan } from '../shared/check-plan.ts';
import { expandProgram } from '../shared/expand-program.ts';
import { writeWord } from '../shared/write-word.ts';
import type { CudaDriver, CudaFunction, CudaGraph, CudaStep, DevicePointer } from './driver.ts';
import { KernelRefusal, refusedFailure } from './kernel-refusal.ts';
import { packArguments } from './pack-arguments.ts';
import { PTX_FILE } from './ptx-file.ts';
import { allocateSegments, type Segments } from './segments.ts';

const HOST_BYTES = RUNTIME_SCALARS.length * 4;

/**
 * Allocates a plan's memory and compiles its kernels. Each program becomes one graph when it is first run.
 *
 * @throws Failure when the plan does not fit the device, a kernel is missing or refused, or there is no memory.
 */
export async function loadPlan(
  driver: CudaDriver,
  device: Pick<Device, 'target' | 'info' | 'limits'>,
  plan: Plan,
  texts: KernelTexts,
  { poison = false, fromFiles = false }: LoadOptions,
): Promise<LoadedPlan> {
  checkPlan(device, plan);
  const functions = await compileKernels(driver, plan, texts, fromFiles);
  const segments = allocateSegments(driver, plan.segments, poison);
  const host = driver.allocate(HOST_BYTES);
  if (host === undefined) {
    segments.free();
    throw deviceFailure('device-memory', { what: 'the scalars of a step', needs: HOST_BYTES });
  }
  const graphs = new Map<string, CudaGraph>();
  const graphOf = (name: string): CudaGraph => {
    const graph = graphs.get(name) ?? driver.record(stepsOf(plan, name, { functions, segments, host }));
    graphs.set(name, graph);
    return graph;
  };
  /** Errors that are no failures yet are the fault of whoever made the plan. */
  const blamed = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      if (error instanceof Failure || !fromFiles) throw error;
      throw deviceFailure('plan-refused', { reason: error instanceof Error ? error.message : String(error) });
    }
  };
  return {
    plan,
    allocatedBytes: segments.allocatedBytes + HOST_BYTES,
    write: (segment, offset, data) =>
      blamed(() => driver.upload(segments.pointerTo({ segment, offset, bytes: data.byteLength }), data)),
    read: async (segment, offset, bytes) =>
      driver.download(
        blamed(() => segments.pointerTo({ segment, offset, bytes })),
        bytes,
      ),
    run(name, scalars) {
      segments.poison();
      driver.upload(host, hostScalars(scalars));
      blamed(() => graphOf(name).run());
    },
    finish: driver.finish,
    async checkGuards() {
      const broken = await segments.brokenGuard();
      if (broken) throw deviceFailure('guard-overwritten', broken);
    },
    release() {
      for (const graph of graphs.values()) graph.destroy();
      segments.free();
      driver.free(host);
    },
  };
}

async function compileKernels(
  driver: CudaDriver,
  plan: Plan,
  texts: KernelTexts,
  fromFiles: boolean,
): Promise<readonly CudaFunction[]> {
  const sources = plan.kernels.map(({ file, entryPoint }) => {
    const text = texts[file];
    if (text === undefined) throw deviceFailure('kernel-missing', { file });
    return { file, text, entryPoint };
  });
  try {
    return await driver.compile(sources, texts[PTX_FILE]);
  } catch (error) {
    throw error instanceof KernelRefusal ? refusedFailure(error, texts, fromFiles) : error;
  }
}

interface Loaded {
  readonly functions: readonly CudaFunction[];
  readonly segments: Segments;
  readonly host: DevicePointer;
}

function stepsOf(plan: Plan, name: string, { functions, segments, host }: Loaded): readonly CudaStep[] {
  return expandProgram(present(plan.programs[name], `program ${name}`)).map((step): CudaStep => {
    if (step.kind === 'clear')
      return { kind: 'clear', pointer: segments.pointerTo(step.range), bytes: step.range.bytes };
    const entry = present(plan.kernels[step.kernel], `kernel ${step.kernel}`);
    const row =
      entry.launchUniform === undefined ? undefined : present(step.uniformRow, `uniform row of ${entry.name}`);
    const uniforms = row === undefined ? [] : present(plan.uniformRows[row], `uniform row ${row}`);
    const [x, y, z] = step.groups;
    return {
      kind: 'launch',
      fn: present(functions[step.kernel], `function of ${entry.name}`),
      blocks: x * y * z,
      threads: entry.workgroup,
      ...packArguments(
        step.ranges.map(segments.pointerTo),
        uniforms,
        entry.runtimeUniform === undefined ? undefined : host,
      ),
    };
  });
}

function hostScalars(scalars: HostScalars): Uint8Array {
  const bytes = new Uint8Array(HOST_BYTES);
  const view = new DataView(bytes.buffer);
  RUNTIME_SCALARS.forEach(({ name, type }, i) => {
    writeWord(view, 4 * i, { type, value: scalars[name] });
  });
  return bytes;
}
