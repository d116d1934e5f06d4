import { join } from 'node:path';
import { fetchDriver, isFetched } from './fetch-driver.ts';

/** The name by which a user asks for this driver although others are there. */
export const SWIFTSHADER = 'swiftshader';

/** Whether the driver is built for this machine. */
export const hasSoftwareDriver = process.platform === 'linux' && process.arch === 'x64';

/**
 * Makes the software driver the one that WebGPU finds from now on in this process, and fetches it when it is not there.
 * The Vulkan loader that comes with it is loaded first, so that machines without one are served too.
 *
 * @param notify Is told what that means for the user.
 * @throws Failure `software-driver-unavailable`.
 */
export async function useSoftwareDriver(notify: (message: string) => void): Promise<void> {
  if (!isFetched()) notify('fetching SwiftShader, a Vulkan driver that runs on the CPU (70 MB, once)');
  const folder = await fetchDriver();
  notify(
    'running on the CPU with SwiftShader: right, and far slower than a GPU; Mesa’s lavapipe is about 5 times faster ' +
      '(apt install mesa-vulkan-drivers, on Debian 12 with -t bookworm-backports)',
  );
  const { default: koffi } = await import('koffi');
  koffi.load(join(folder, 'libvulkan.so.1'));
  process.env.VK_DRIVER_FILES = join(folder, 'vk_swiftshader_icd.json');
}
