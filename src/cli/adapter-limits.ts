import { DEFAULT_LIMITS } from '../backends/wgsl/default-limits.ts';
import { openWebGpu } from '../backends/wgsl/device.ts';
import { EXIT, Failure } from '../compiler/diagnostics/diagnostic.ts';
import type { TargetLimits } from '../compiler/ir/kernel.ts';
import { type Options, text } from './options.ts';
import type { Terminal } from './terminal.ts';

/** Limits of the machine's adapter; what WebGPU guarantees everywhere when there is none. Says which. */
export async function adapterLimits(options: Options, terminal: Terminal): Promise<TargetLimits> {
  const adapter = text(options, 'adapter');
  try {
    const device = await openWebGpu({ ...(adapter === undefined ? {} : { adapter }), notify: terminal.tell });
    const { info, limits } = device;
    device.close();
    terminal.tell(`compiling for ${info.name}`);
    return limits;
  } catch (error) {
    if (adapter !== undefined || !(error instanceof Failure) || error.exitCode !== EXIT.environment) throw error;
    terminal.tell('no adapter was found: compiling for the limits that WebGPU guarantees everywhere');
    return DEFAULT_LIMITS;
  }
}
