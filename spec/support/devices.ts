/**
 * The devices on which tests run: WebGPU's adapter, and the processor in the place of an NVIDIA GPU, where it has a compiler.
 *
 * What passes on `cuda-cpu` shows that the text of the kernels means what it should. A copy to shared memory is done there when its
 * thread waits for it, so a wait too few, or a copy over what is still read, gives other numbers. It cannot show what only happens when
 * threads run at once: races between them, the order in which they see what others wrote, or shared memory and registers that a GPU
 * does not have; nor that a wait is one too many, and a GPU idle for it.
 */
import { findProgram } from '../../src/backends/cuda/find-program.ts';
import type { Device } from '../../src/backends/device.ts';
import { DEVICE_NAMES, type DeviceName, openDevice } from '../../src/backends/open-device.ts';
import { type OpenOptions, openWebGpu } from '../../src/backends/wgsl/device.ts';
import { Failure } from '../../src/compiler/diagnostics/diagnostic.ts';
import { skipFile, tellSkipped } from './skip.ts';

export interface TestDevice {
  readonly name: DeviceName;
  readonly device: Device;
}

/** Names, with commas between them, of the only devices that tests shall run on; these must then be there. */
const WANTED = process.env.TFM_TEST_DEVICES?.split(',');

/** Opens them; says which are not there. One that must be there and is not is a failure. */
export async function openTestDevices(): Promise<readonly TestDevice[]> {
  const devices: TestDevice[] = [];
  for (const name of DEVICE_NAMES.filter((each) => WANTED?.includes(each) ?? true)) {
    try {
      devices.push({ name, device: await openDevice(name, { notify: () => {} }) });
    } catch (error) {
      if (WANTED) throw error;
      const code = error instanceof Failure ? error.diagnostics[0]?.code : undefined;
      const isMissing = code === 'compiler-missing' || code === 'cuda-missing';
      if (!isMissing || !(error instanceof Failure)) throw error;
      tellSkipped(`on ${name}: ${error.diagnostics[0]?.message.split(':\n')[0]}`);
    }
  }
  return devices;
}

/**
 * The device for tests of what WebGPU does not have: the GPU when tests shall run on it, else the processor in its place. The file
 * is skipped where there is neither.
 */
export async function openCudaTestDevice(): Promise<Device> {
  const name = DEVICE_NAMES.find((each) => each !== 'wgsl' && WANTED?.includes(each)) ?? 'cuda-cpu';
  if (name === 'cuda-cpu' && findProgram('g++') === undefined) skipFile('there is no g++ on this machine');
  return openDevice(name);
}

/** WebGPU with lower limits than the adapter has; undefined when tests shall not run on it. */
export async function openTestWebGpu(options: OpenOptions): Promise<Device | undefined> {
  return WANTED === undefined || WANTED.includes('wgsl') ? openWebGpu(options) : undefined;
}
