import { basename, join } from 'node:path';
import { runFailure } from '../../compiler/diagnostics/run.ts';
import { type Files, readAll } from '../files.ts';
import { parseSafetensors } from '../safetensors.ts';
import { type Checkpoint, OPTIMIZER_FILE, WEIGHTS_FILE } from './save.ts';
import { checkpointNames, verifyCheckpoint } from './verify.ts';

export interface LoadedCheckpoint extends Checkpoint {
  readonly path: string;
  /** Newer checkpoints that were not usable, and why. */
  readonly skipped: readonly string[];
}

/** Opens one checkpoint. Fails with `checkpoint-corrupt`. */
export function loadCheckpoint(files: Files, path: string): LoadedCheckpoint {
  const manifest = verifyCheckpoint(files, path);
  if (typeof manifest === 'string') throw runFailure('checkpoint-corrupt', { path, reason: manifest });
  const read = (name: string) => parseSafetensors(readAll(files, join(path, name)), join(path, name)).tensors;
  for (const name of [WEIGHTS_FILE, OPTIMIZER_FILE]) {
    if (!manifest.files[name]) throw runFailure('checkpoint-corrupt', { path, reason: `it lacks '${name}'` });
  }
  return { path, skipped: [], state: manifest.state, weights: read(WEIGHTS_FILE), optimizer: read(OPTIMIZER_FILE) };
}

/** Opens the newest checkpoint of a folder that is intact. Fails with `no-checkpoint`. */
export function loadLatestCheckpoint(files: Files, folder: string): LoadedCheckpoint {
  const skipped: string[] = [];
  for (const name of checkpointNames(files, folder)) {
    const path = join(folder, name);
    const manifest = verifyCheckpoint(files, path);
    if (typeof manifest === 'string') skipped.push(`${name}: ${manifest}`);
    else if (`step-${manifest.state.step}` !== basename(path)) skipped.push(`${name}: it is of another step`);
    else return { ...loadCheckpoint(files, path), skipped };
  }
  throw runFailure('no-checkpoint', { folder, skipped });
}
