/** Runs plans on WebGPU, through Dawn. */
import { availableParallelism } from 'node:os';
import { deviceFailure } from '../../compiler/diagnostics/device.ts';
import { once } from '../../compiler/support/once.ts';
import type { Device, DeviceInfo } from '../device.ts';
import { findAdapter } from './adapter.ts';
import { targetLimits, WANTED_LIMITS } from './limits.ts';
import { loadPlan } from './load-plan.ts';
import { type OpenedDevice, watchDevice } from './opened-device.ts';
import { pollPatiently } from './poll-patiently.ts';

export interface OpenOptions {
  /** Part of the adapter's name, or `swiftshader`; unless given, the environment's TFM_ADAPTER. */
  readonly adapter?: string;
  /** Asks for no more than WebGPU guarantees everywhere, and for no features. */
  readonly minimumLimits?: boolean;
  /** Pretends that a binding has at most this many bytes; for tests. */
  readonly bindingBytes?: number;
  /** Is told once what the user should know: that a software driver is fetched, or used. Writes to stderr unless given. */
  readonly notify?: (message: string) => void;
}

/**
 * Opens the device.
 *
 * @throws Failure when there is no adapter, or none of that name, or it gives no device.
 */
export async function openWebGpu(options: OpenOptions = {}): Promise<Device> {
  const device = await openOne(options);
  const { info, limits, lost } = device;
  if (info.software) pollPatiently();
  const others: OpenedDevice[] = [];
  const openOthers = once(async () => {
    for (let i = 0; i < Math.min(MOST_OTHERS, availableParallelism() - 1); i += 1) others.push(await openOne(options));
    return others;
  });
  return {
    target: 'wgsl',
    info,
    limits,
    lost,
    load: (plan, texts, loadOptions = {}) => loadPlan(device, openOthers, plan, texts, loadOptions),
    close: () => {
      for (const { close } of [device, ...others]) close();
    },
  };
}

async function openOne(options: OpenOptions): Promise<OpenedDevice> {
  const adapter = await findAdapter({
    adapter: options.adapter ?? (process.env.TFM_ADAPTER || undefined),
    notify: options.notify ?? ((message) => process.stderr.write(`${message}\n`)),
  });
  const info = infoOf(adapter);
  const gpu = await requestDevice(adapter, info, options.minimumLimits ?? false);
  const subgroupSize = gpu.features.has('subgroups') ? fixedSubgroupSize(adapter.info) : 0;
  const limits = targetLimits(gpu.limits, {
    software: info.software,
    subgroupSize,
    // Mesa does, SwiftShader does not: products are 3 times as slow there when the rows of a tile are a loop.
    unrolls: /llvmpipe|lavapipe/i.test(info.name),
    half: gpu.features.has('shader-f16'),
    bindingBytes: options.bindingBytes,
  });
  return watchDevice(gpu, { ...info, features: [...gpu.features].sort() }, limits);
}

/** More devices help with compiling, each of which has threads and memory of its own. */
const MOST_OTHERS = 3;

/** What the adapter says of itself. */
export function infoOf(adapter: GPUAdapter): DeviceInfo {
  const { vendor, architecture, device, description, isFallbackAdapter } = adapter.info;
  const name = device.replaceAll('-', ' ').trim();
  return {
    name: name || description || 'unnamed',
    vendor,
    driver: description,
    software: isFallbackAdapter || /swiftshader|llvmpipe|lavapipe/i.test(`${architecture} ${device} ${description}`),
    features: [...adapter.features].sort(),
  };
}

const FEATURES = ['subgroups', 'shader-f16'] as const;

/** A device with the adapter's own limits; with those that are guaranteed, when the driver refuses. */
async function requestDevice(adapter: GPUAdapter, info: DeviceInfo, minimum: boolean): Promise<GPUDevice> {
  const requiredFeatures = FEATURES.filter((f) => adapter.features.has(f));
  const requiredLimits = Object.fromEntries(WANTED_LIMITS.map((name) => [name, adapter.limits[name]]));
  try {
    if (minimum) return await adapter.requestDevice();
    return await adapter.requestDevice({ requiredFeatures, requiredLimits }).catch(() => adapter.requestDevice());
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw deviceFailure('device-refused', { adapter: info.name, reason });
  }
}

/** The size of a subgroup, where it is the same for all kernels; else 0. */
function fixedSubgroupSize({ subgroupMinSize = 0, subgroupMaxSize = 0 }: GPUAdapterInfo): number {
  return subgroupMinSize === subgroupMaxSize ? subgroupMinSize : 0;
}
