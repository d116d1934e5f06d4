import { deviceFailure } from '../../compiler/diagnostics/device.ts';
import { hasSoftwareDriver, SWIFTSHADER, useSoftwareDriver } from '../software-vulkan/use-driver.ts';
import { captureStderr } from './capture-stderr.ts';
import { startGpu } from './gpu.ts';

export interface AdapterOptions {
  /** Part of the adapter's name. */
  readonly adapter: string | undefined;
  readonly notify: (message: string) => void;
}

/**
 * The adapter asked for, or the best one. Where there is none (Linux, x64), a software driver is fetched and used.
 *
 * @throws Failure `no-adapter`, `adapter-unknown`, `webgpu-missing` or `software-driver-unavailable`.
 */
export async function findAdapter({ adapter, notify }: AdapterOptions): Promise<GPUAdapter> {
  if (adapter?.toLowerCase() === SWIFTSHADER && hasSoftwareDriver) return softwareAdapter(notify, []);
  const { found, said } = await request(adapter);
  if (found) return found;
  if (adapter !== undefined) throw deviceFailure('adapter-unknown', { wanted: adapter, available: namesIn(said) });
  if (!hasSoftwareDriver) throw deviceFailure('no-adapter', { tried: said });
  return softwareAdapter(notify, said);
}

async function softwareAdapter(notify: (message: string) => void, said: readonly string[]): Promise<GPUAdapter> {
  await useSoftwareDriver(notify);
  const second = await request(undefined);
  if (!second.found) throw deviceFailure('no-adapter', { tried: [...said, ...second.said] });
  return second.found;
}

interface Answer {
  readonly found: GPUAdapter | null;
  /** What Dawn and the driver had to say. */
  readonly said: readonly string[];
}

async function request(name: string | undefined): Promise<Answer> {
  const gpu = await startGpu(name);
  const { result, lines } = await captureStderr(() => gpu.requestAdapter({ powerPreference: 'high-performance' }));
  try {
    return { found: await result, said: lines.filter((line) => !/^\s+at /.test(line)) };
  } catch (error) {
    return { found: null, said: (error instanceof Error ? error.message : String(error)).split('\n') };
  }
}

/** The names of all adapters. Dawn lists them when it is asked for one that cannot be. */
export async function listAdapters(): Promise<readonly string[]> {
  const { said } = await request('no adapter has this name');
  return namesIn(said);
}

/** The names in Dawn's list: ` * backend: 'vulkan', name: 'llvmpipe'`. */
function namesIn(lines: readonly string[]): readonly string[] {
  return lines.flatMap((line) => /name: '(.*)'/.exec(line)?.[1] ?? []);
}
