import { deviceFailure } from '../../compiler/diagnostics/device.ts';
import { type Plan, uniformBytes } from '../../compiler/ir/plan.ts';
import type { KernelTexts, LoadedPlan, LoadOptions, ProgramRun } from '../device.ts';
import { checkPlan } from '../shared/check-plan.ts';
import { brokenByte, GUARD_BYTES } from '../shared/guard-words.ts';
import { compileAhead, type OpenOthers } from './compile-ahead.ts';
import { MAP_READ, USAGE } from './gpu.ts';
import { OFFSET_ALIGNMENT } from './limits.ts';
import { checked, type OpenedDevice } from './opened-device.ts';
import { compileKernels } from './pipelines.ts';
import { recordPrograms } from './record.ts';
import { blamed, type PlanOrigin } from './refused-plan.ts';
import { makeRunQueue } from './run-queue.ts';
import { allocateSegments } from './segments.ts';
import { makeUniforms } from './uniforms.ts';

/**
 * Allocates a plan's memory, compiles its kernels, and binds every launch once.
 *
 * @throws Failure when the plan does not fit the device, a kernel is missing or refused, or there is no memory.
 */
export async function loadPlan(
  device: OpenedDevice,
  openOthers: OpenOthers,
  plan: Plan,
  texts: KernelTexts,
  { poison = false, fromFiles = false }: LoadOptions,
): Promise<LoadedPlan> {
  const { gpu } = device;
  const origin = { plan, texts, fromFiles };
  const { segments, uniforms, queue } = await blamed(origin, () => allocate(device, openOthers, origin, poison));

  const readBuffer = async (source: GPUBuffer, offset: number, bytes: number): Promise<ArrayBuffer> => {
    const staging = gpu.createBuffer({ size: bytes, usage: USAGE.mapRead | USAGE.copyTarget });
    try {
      const encoder = gpu.createCommandEncoder();
      encoder.copyBufferToBuffer(source, offset, staging, 0, bytes);
      gpu.queue.submit([encoder.finish()]);
      await device.answer(staging.mapAsync(MAP_READ));
      return staging.getMappedRange().slice(0);
    } finally {
      staging.destroy();
    }
  };

  const runAll = (runs: readonly ProgramRun[]): void => {
    for (const part of poison ? runs.map((run) => [run]) : [runs]) {
      segments.poison();
      queue.submit(part);
    }
  };

  return {
    plan,
    get allocatedBytes() {
      return segments.allocatedBytes + uniforms.allocatedBytes + queue.allocatedBytes();
    },
    write(segment, offset, data) {
      const place = segments.place({ segment, offset, bytes: data.byteLength });
      gpu.queue.writeBuffer(place.buffer, place.offset, data.buffer, data.byteOffset, data.byteLength);
    },
    async read(segment, offset, bytes) {
      const place = segments.place({ segment, offset, bytes });
      return blamed(origin, () => readBuffer(place.buffer, place.offset, bytes));
    },
    run: (program, scalars) => runAll([{ program, scalars, inputs: [] }]),
    runAll,
    finish: () => blamed(origin, () => device.answer(gpu.queue.onSubmittedWorkDone().then(() => {}))),
    async checkGuards() {
      for (const { segment, side, buffer, offset } of segments.guards) {
        const byte = brokenByte(await readBuffer(buffer, offset, GUARD_BYTES));
        if (byte !== undefined) throw deviceFailure('guard-overwritten', { segment, side, byte });
      }
    },
    release() {
      segments.destroy();
      uniforms.destroy();
      queue.destroy();
    },
  };
}

async function allocate(
  device: OpenedDevice,
  openOthers: OpenOthers,
  { plan, texts, fromFiles }: PlanOrigin,
  poison: boolean,
) {
  const { gpu } = device;
  checkPlan({ target: 'wgsl', ...device }, plan);
  const kernels = await compileKernels(device, plan.kernels, { texts, fromFiles });
  await compileAhead(device, openOthers, kernels, { texts, fromFiles });
  const segments = await allocateSegments(gpu, plan.segments, poison);
  const noMemory = () =>
    deviceFailure('device-memory', {
      what: 'uniforms',
      needs: uniformBytes(plan.uniformRows.length, OFFSET_ALIGNMENT),
    });
  const uniforms = await checked(gpu, () => makeUniforms(gpu, plan.uniformRows), noMemory);
  const programs = await checked(gpu, () => recordPrograms(gpu, plan, kernels, segments, uniforms), noMemory);
  return { segments, uniforms, queue: makeRunQueue(gpu, programs, segments, uniforms) };
}
