import type { PlanTarget } from '../backends/device.ts';
import { TARGETS, type TargetName } from '../backends/targets.ts';
import { openWebGpu } from '../backends/wgsl/device.ts';
import { EXIT, Failure } from '../compiler/diagnostics/diagnostic.ts';
import { NO_TILES, type TileTable } from '../compiler/ir/tiling.ts';
import { knownTiles } from './known-tiles.ts';
import { type Options, text } from './options.ts';
import type { Terminal } from './terminal.ts';

/** What to compile for, and the tiles that are known to be best there. */
export interface CompiledFor extends PlanTarget {
  readonly tiles: TileTable;
}

/** What to compile for where nothing is run. Says which limits hold. */
export function planTarget(target: TargetName, options: Options, terminal: Terminal): Promise<CompiledFor> {
  switch (target) {
    case 'wgsl':
      return adapter(options, terminal);
    case 'cuda':
      terminal.tell('compiling for NVIDIA GPUs of compute capability 8.0 and newer');
      return Promise.resolve({ target, limits: TARGETS.cuda.limits, tiles: NO_TILES });
  }
}

/** The machine's adapter; what WebGPU guarantees everywhere when there is none. */
async function adapter(options: Options, terminal: Terminal): Promise<CompiledFor> {
  const wanted = text(options, 'adapter');
  try {
    const device = await openWebGpu({ ...(wanted === undefined ? {} : { adapter: wanted }), notify: terminal.tell });
    const { target, info, limits } = device;
    device.close();
    terminal.tell(`compiling for ${info.name}`);
    return { target, limits, tiles: knownTiles({ target, info, limits }, terminal) };
  } catch (error) {
    if (wanted !== undefined || !(error instanceof Failure) || error.exitCode !== EXIT.environment) throw error;
    terminal.tell('no adapter was found: compiling for the limits that WebGPU guarantees everywhere');
    return { target: 'wgsl', limits: TARGETS.wgsl.limits, tiles: NO_TILES };
  }
}
