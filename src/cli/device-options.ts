import { type Command, Option } from 'commander';
import type { Device } from '../backends/device.ts';
import { DEVICE_NAMES, type DeviceName, openDevice } from '../backends/open-device.ts';
import { present } from '../compiler/support/invariant.ts';
import { takesLibrary } from './library-options.ts';
import { type Options, text } from './options.ts';
import type { Terminal } from './terminal.ts';

/** Declares the options of commands that run kernels. */
export function takesDevice(command: Command): Command {
  return takesLibrary(
    command
      .addOption(new Option('--device <name>', DEVICE_HELP).choices(DEVICE_NAMES).default('wgsl'))
      .option('--adapter <name>', ADAPTER_HELP),
  );
}

export const DEVICE_HELP =
  'what runs the kernels: WebGPU, an NVIDIA GPU, or the processor in its place (cuda-cpu; slow, for tests and for reading)';
export const ADAPTER_HELP = "part of the adapter's name, when there are several; TFM_ADAPTER does the same";

/** The device that the options name, unless they name what is none. */
export function deviceName(options: Options): DeviceName {
  const name = text(options, 'device') ?? 'wgsl';
  return present(
    DEVICE_NAMES.find((device) => device === name),
    `device ${name}`,
  );
}

/** Opens the device that the options name, and closes it when the work is done or has failed. */
export async function withDevice<T>(
  options: Options,
  terminal: Terminal,
  work: (device: Device) => Promise<T>,
): Promise<T> {
  const adapter = text(options, 'adapter');
  const device = await openDevice(deviceName(options), {
    ...(adapter === undefined ? {} : { adapter }),
    notify: terminal.tell,
  });
  try {
    return await Promise.race([work(device), device.lost]);
  } finally {
    device.close();
  }
}
