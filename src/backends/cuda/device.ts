/** Runs plans through a CUDA driver: that of an NVIDIA GPU, or the processor in its place. */
import type { TargetLimits } from '../../compiler/ir/kernel.ts';
import type { Device } from '../device.ts';
import { openCpuDriver } from './cpu/driver.ts';
import type { CudaDriver } from './driver.ts';
import { CUDA_LIMITS } from './limits.ts';
import { loadPlan } from './load-plan.ts';

/**
 * Opens the processor as a device that runs kernels in CUDA C++, for tests and for reading.
 *
 * @throws Failure `compiler-missing`.
 */
export async function openCudaCpu(): Promise<Device> {
  return deviceOver(await openCpuDriver());
}

function deviceOver(driver: CudaDriver): Device {
  const { info, memoryBytes, sharedBytes } = driver.properties;
  const limits: TargetLimits = { ...CUDA_LIMITS, memoryBytes, sharedBytes };
  const own = { target: 'cuda', info, limits } as const;
  return {
    ...own,
    // What goes wrong comes out of the call that notices it.
    lost: new Promise<never>(() => {}),
    load: (plan, texts, options = {}) => loadPlan(driver, own, plan, texts, options),
    close: driver.close,
  };
}
