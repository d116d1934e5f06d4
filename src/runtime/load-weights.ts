import { join } from 'node:path';
import type { LoadedPlan } from '../backends/device.ts';
import { loadCheckpoint, loadLatestCheckpoint } from './checkpoint/load.ts';
import { MANIFEST_NAME } from './checkpoint/manifest.ts';
import { writePlanWeights } from './checkpoint/plan-state.ts';
import type { Files } from './files.ts';
import type { NameMap } from './match-weights.ts';
import { importWeights, readTensorFile } from './weights-file.ts';

export interface WeightsOrigin {
  /** Steps that the weights were trained for; 0 when it is not known. */
  readonly step: number;
  readonly path: string;
  /** Checkpoints that were not usable, and why. */
  readonly skipped: readonly string[];
}

/**
 * Puts weights on the device from the folder of a run (its newest intact checkpoint), from the folder of a checkpoint, or
 * from a safetensors file. Fails with `no-checkpoint`, `checkpoint-corrupt`, `checkpoint-foreign`, `weights-mismatch`,
 * `tensor-file-malformed` or `data-unreadable`.
 */
export function loadWeights(loaded: LoadedPlan, files: Files, path: string, names?: NameMap): WeightsOrigin {
  const isCheckpoint = files.exists(join(path, MANIFEST_NAME));
  if (isCheckpoint || files.exists(join(path, 'checkpoints'))) {
    const checkpoint = isCheckpoint
      ? loadCheckpoint(files, path)
      : loadLatestCheckpoint(files, join(path, 'checkpoints'));
    writePlanWeights(loaded, checkpoint);
    return { step: checkpoint.state.step, path: checkpoint.path, skipped: checkpoint.skipped };
  }
  importWeights(loaded, readTensorFile(path), path, names);
  return { step: 0, path, skipped: [] };
}
