import { openLibrary } from '../../src/backends/cuda/gpu/libraries.ts';
import type { DeviceName } from '../../src/backends/open-device.ts';

/** Why products cannot go to a library on a device, in words; undefined where they can. */
export async function missingLibrary(device: DeviceName): Promise<string | undefined> {
  if (device === 'wgsl') return 'products by a library are left out: WebGPU has none';
  if (device === 'cuda-cpu') return undefined;
  const found = await openLibrary('libcublasLt');
  return found.library ? undefined : `products by a library are left out: ${found.tried.join('; ')}`;
}
