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

/**
 * Opens an NVIDIA GPU.
 *
 * @throws Failure `cuda-missing` where there is no driver or no GPU.
 */
export async function openCuda(): Promise<Device> {
  // Loaded only when it is asked for: the others need no library for calls to the driver.
  const { openGpuDriver } = await import('./gpu/driver.ts');
  return deviceOver(await openGpuDriver());
}

function deviceOver(driver: CudaDriver): Device {
  const { info, memoryBytes, sharedBytes, multiprocessors } = driver.properties;
  const limits: TargetLimits = { ...CUDA_LIMITS, memoryBytes, sharedBytes, matrixUnits: multiprocessors };
  const own = { target: 'cuda', info, limits } as const;
  return {
    ...own,
    // What goes wrong comes out of the call that notices it.
    lost: new Promise<never>(() => {}),
    load: (plan, texts, options = {}) => loadPlan(driver, own, plan, texts, options),
    close: driver.close,
  };
}
