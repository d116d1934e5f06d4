import { deviceFailure } from '../../compiler/diagnostics/device.ts';
import { Failure } from '../../compiler/diagnostics/diagnostic.ts';
import type { Plan } from '../../compiler/ir/plan.ts';
import type { Device, KernelTexts, LoadedPlan, LoadOptions, ProgramRun } from '../device.ts';
import { checkPlan } from '../shared/check-plan.ts';
import type { CudaDriver, CudaFunction } from './driver.ts';
import { KernelRefusal, refusedFailure } from './kernel-refusal.ts';
import { PTX_FILE } from './ptx-file.ts';
import { makeRunQueue } from './run-queue.ts';
import { allocateSegments } from './segments.ts';

/**
 * Allocates a plan's memory and compiles its kernels.
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
  if (plan.matmuls.length > 0) await driver.openMatmuls();
  const functions = await compileKernels(driver, plan, texts, fromFiles);
  const segments = allocateSegments(driver, plan.segments, poison);
  const queue = makeRunQueue(driver, { plan, functions, segments });
  /** Errors that are no failures yet are the fault of whoever made the plan. */
  const blamed = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      if (error instanceof Failure || !fromFiles) throw error;
      throw deviceFailure('plan-refused', { reason: error instanceof Error ? error.message : String(error) });
    }
  };
  const runAll = (runs: readonly ProgramRun[]): void => {
    for (const part of poison ? runs.map((run) => [run]) : [runs]) {
      segments.poison();
      blamed(() => queue.launch(part));
    }
  };
  return {
    plan,
    get allocatedBytes() {
      return segments.allocatedBytes + queue.allocatedBytes();
    },
    write: (segment, offset, data) =>
      blamed(() => driver.upload(segments.pointerTo({ segment, offset, bytes: data.byteLength }), data)),
    read: async (segment, offset, bytes) =>
      driver.download(
        blamed(() => segments.pointerTo({ segment, offset, bytes })),
        bytes,
      ),
    run: (program, scalars) => runAll([{ program, scalars, inputs: [] }]),
    runAll,
    finish: driver.finish,
    async checkGuards() {
      const broken = await segments.brokenGuard();
      if (broken) throw deviceFailure('guard-overwritten', broken);
    },
    release() {
      queue.destroy();
      segments.free();
    },
  };
}

async function compileKernels(
  driver: CudaDriver,
  plan: Plan,
  texts: KernelTexts,
  fromFiles: boolean,
): Promise<readonly CudaFunction[]> {
  const sources = plan.kernels.map(({ file, entryPoint, sharedBytes = 0 }) => {
    const text = texts[file];
    if (text === undefined) throw deviceFailure('kernel-missing', { file });
    return { file, text, entryPoint, sharedBytes };
  });
  try {
    return await driver.compile(sources, texts[PTX_FILE]);
  } catch (error) {
    throw error instanceof KernelRefusal ? refusedFailure(error, texts, fromFiles) : error;
  }
}
