/** The devices that run plans, by the names that users give. */
import { openCuda, openCudaCpu } from './cuda/device.ts';
import type { Device } from './device.ts';
import { type OpenOptions, openWebGpu } from './wgsl/device.ts';

export const DEVICE_NAMES = ['wgsl', 'cuda', 'cuda-cpu'] as const;

export type DeviceName = (typeof DEVICE_NAMES)[number];

const OPENERS: { readonly [N in DeviceName]: (options: OpenOptions) => Promise<Device> } = {
  wgsl: openWebGpu,
  cuda: openCuda,
  'cuda-cpu': openCudaCpu,
};

/** Opens a device. @throws Failure when it cannot be had, with exit code 3. */
export function openDevice(name: DeviceName, options: OpenOptions = {}): Promise<Device> {
  return OPENERS[name](options);
}
