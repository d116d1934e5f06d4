import { join } from 'node:path';
import type { Device, LoadedPlan } from '../../src/backends/device.ts';
import { compileTarget } from '../../src/backends/targets.ts';
import { compile } from '../../src/compiler/compile.ts';
import type { LibraryUse } from '../../src/compiler/ir/matmul.ts';
import type { TrainConfig } from '../../src/compiler/ir/train.ts';
import { present } from '../../src/compiler/support/invariant.ts';
import { beginOptimizer } from '../../src/runtime/begin-optimizer.ts';
import type { Batch } from '../../src/runtime/data/windows.ts';
import { nodeFiles } from '../../src/runtime/files.ts';
import { packageFolder } from '../../src/runtime/package-folder.ts';
import { readSpec } from '../../src/runtime/read-spec.ts';
import { tilesOfDevice } from '../../src/runtime/tiles/tiles-of-device.ts';
import { importWeights, readTensorFile } from '../../src/runtime/weights-file.ts';
import { type Size, settingsOf } from '../sizes.ts';

export interface LoadedLlama {
  readonly loaded: LoadedPlan;
  readonly config: TrainConfig;
  readonly batch: Batch;
}

/** Compiles `llama.tfm` for a device, and puts the weights there that all programs begin with; the optimizer begins too. */
export async function loadLlama(
  device: Device,
  path: string,
  size: Size,
  settings: readonly string[],
  library?: LibraryUse,
): Promise<LoadedLlama> {
  const start = readTensorFile(path);
  const { plan, texts, train } = compile({
    source: readSpec(join(packageFolder(), 'bench', 'llama.tfm')),
    set: [...settingsOf(size), ...settings],
    purposes: ['train'],
    limits: device.limits,
    target: compileTarget(device.target),
    library,
    tiles: tilesOfDevice(nodeFiles, device).tiles,
  });
  const loaded = await device.load(plan, texts);
  const ids = (name: string): Int32Array => {
    const { data } = present(start.tensors.get(name), name);
    return new Int32Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength));
  };
  const weights = new Map([...start.tensors].filter(([name]) => name !== 'tokens' && name !== 'targets'));
  beginOptimizer(loaded);
  importWeights(loaded, { ...start, tensors: weights }, path, new Map());
  return {
    loaded,
    config: present(train, 'a train block'),
    batch: { tokens: ids('tokens'), targets: ids('targets') },
  };
}
