import { type Command, Option } from 'commander';
import type { Device } from '../backends/device.ts';
import { openWebGpu } from '../backends/wgsl/device.ts';
import { type Options, text } from './options.ts';
import type { Terminal } from './terminal.ts';

/** Declares the options of commands that run kernels. */
export function takesDevice(command: Command): Command {
  return command
    .addOption(new Option('--device <name>', 'what runs the kernels').choices(['wgsl']).default('wgsl'))
    .option('--adapter <name>', "part of the adapter's name, when there are several; TFM_ADAPTER does the same");
}

/** Opens the device that the options name, and closes it when the work is done or has failed. */
export async function withDevice<T>(
  options: Options,
  terminal: Terminal,
  work: (device: Device) => Promise<T>,
): Promise<T> {
  const adapter = text(options, 'adapter');
  const device = await openWebGpu({ ...(adapter === undefined ? {} : { adapter }), notify: terminal.tell });
  try {
    return await Promise.race([work(device), device.lost]);
  } finally {
    device.close();
  }
}
