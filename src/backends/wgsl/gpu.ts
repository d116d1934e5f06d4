import { deviceFailure } from '../../compiler/diagnostics/device.ts';

/** WebGPU's numbers for what a buffer is used for; the module does not make them global. */
export const USAGE = { mapRead: 1, copySource: 4, copyTarget: 8, uniform: 64, storage: 128 } as const;
export const COMPUTE_STAGE = 4;
export const MAP_READ = 1;

// Dawn lives as long as this object: when it is collected while devices exist, the process crashes.
const kept: GPU[] = [];

/**
 * Starts Dawn. It is loaded here and not before, because the Vulkan loader reads VK_DRIVER_FILES when it is.
 *
 * @param adapter Part of an adapter's name; undefined for the best one.
 */
export async function startGpu(adapter: string | undefined): Promise<GPU> {
  const { create } = await import('webgpu').catch((error: unknown) => {
    throw deviceFailure('webgpu-missing', { reason: error instanceof Error ? error.message : String(error) });
  });
  const gpu = create(adapter === undefined ? [] : [`adapter=${adapter}`]);
  kept.push(gpu);
  return gpu;
}
