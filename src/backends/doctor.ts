/** What can be known of a machine's drivers without opening a device; for `tfm doctor`. */
import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { isFetched } from './software-vulkan/fetch-driver.ts';
import { hasSoftwareDriver } from './software-vulkan/use-driver.ts';
import { listAdapters } from './wgsl/adapter.ts';

export interface DriverReport {
  /** Names of the adapters that WebGPU takes; any part of one may be given as TFM_ADAPTER. */
  readonly adapters: readonly string[];
  /** Manifests of installed Vulkan drivers. */
  readonly manifests: readonly string[];
  /** The software driver that is used when there is no other. */
  readonly swiftshader: 'fetched' | 'can be fetched' | 'not for this platform';
  /** What is missing or odd, and what to do about it. */
  readonly advice: readonly string[];
}

/** Looks at the drivers of this machine. */
export async function inspectDrivers(): Promise<DriverReport> {
  const adapters = await listAdapters();
  const manifests = vulkanManifests();
  return {
    adapters,
    manifests,
    swiftshader: !hasSoftwareDriver ? 'not for this platform' : isFetched() ? 'fetched' : 'can be fetched',
    advice: process.platform === 'linux' ? linuxAdvice(adapters, manifests) : [],
  };
}

/** Where the Vulkan loader looks for drivers, on Linux. */
function vulkanManifests(): readonly string[] {
  if (process.platform !== 'linux') return [];
  const shared = (process.env.XDG_DATA_DIRS || '/usr/local/share:/usr/share').split(':');
  const own = process.env.XDG_DATA_HOME || join(homedir(), '.local/share');
  const folders = ['/etc', own, ...shared].map((folder) => join(folder, 'vulkan', 'icd.d'));
  return [...new Set(folders)]
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((file) => join(folder, file)))
    .filter((file) => file.endsWith('.json'));
}

const LAVAPIPE = 'apt install mesa-vulkan-drivers (on Debian 12: -t bookworm-backports)';

function linuxAdvice(adapters: readonly string[], manifests: readonly string[]): readonly string[] {
  const chosen = process.env.VK_DRIVER_FILES ?? process.env.VK_ICD_FILENAMES;
  const has = (pattern: RegExp): boolean => adapters.some((name) => pattern.test(name));
  return [
    ...(chosen ? [`The environment lets only these Vulkan drivers be seen: ${chosen}.`] : []),
    ...(adapters.length === 0 && manifests.length === 0 ? [`No Vulkan driver is installed: ${LAVAPIPE}.`] : []),
    ...(manifests.some((m) => /lvp/.test(m)) && !has(/llvmpipe/i) && !chosen
      ? [`Mesa's lavapipe is installed and WebGPU refuses it: it must be of Mesa 24 or newer, ${LAVAPIPE}.`]
      : []),
    ...(existsSync('/proc/driver/nvidia') && !has(/nvidia/i)
      ? [
          'There is an NVIDIA GPU whose Vulkan driver is not seen: install the package libnvidia-gl of the driver’s version; ' +
            'in a container, set NVIDIA_DRIVER_CAPABILITIES=all.',
        ]
      : []),
  ];
}
