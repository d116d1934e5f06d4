import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { runFailure } from '../../compiler/diagnostics/run.ts';
import { type Files, guardFiles, replaceFile, syncFolder, writeDurably } from '../files.ts';
import { safetensorsChunks, type Tensor } from '../safetensors.ts';
import { type FileEntry, MANIFEST_NAME, type RunState, renderManifest } from './manifest.ts';
import { checkpointNames, verifyCheckpoint } from './verify.ts';

/** Everything that a run needs to go on as if it had not stopped. */
export interface Checkpoint {
  readonly state: RunState;
  readonly weights: ReadonlyMap<string, Tensor>;
  /** `moment1.NAME` and `moment2.NAME` of the weights that are trained, and in f16 `loss_scaling`; see `compiler/ir/loss-scaling.ts`. */
  readonly optimizer: ReadonlyMap<string, Tensor>;
}

export const WEIGHTS_FILE = 'weights.safetensors';
export const OPTIMIZER_FILE = 'optimizer.safetensors';

export interface SaveOptions {
  readonly files: Files;
  /** The folder of all checkpoints of a run. */
  readonly folder: string;
  /** Checkpoints that stay, this one included. */
  readonly keep: number;
}

/**
 * Writes `step-N`, so that at every moment the folder has the old checkpoints or the old and the new, whole: files are
 * written to a temporary folder and synced, the manifest last; then the folder is renamed. Old ones go only after the
 * new one was verified. Fails with `disk-full`, `not-writable` or `file-error`, and then removes what it began.
 */
export function saveCheckpoint(checkpoint: Checkpoint, { files, folder, keep }: SaveOptions): string {
  const name = `step-${checkpoint.state.step}`;
  const path = join(folder, name);
  return guardFiles(path, () => {
    files.makeFolder(folder);
    removeLeftovers(files, folder);
    if (!isIntact(files, path)) writeCheckpoint(checkpoint, files, folder, name);
    syncFolder(files, folder);
    replaceFile(files, join(folder, 'latest'), `${name}\n`);
    const verified = verifyCheckpoint(files, path);
    if (typeof verified === 'string') throw runFailure('checkpoint-corrupt', { path, reason: verified });
    for (const old of outdated(checkpointNames(files, folder), name, keep)) removeCheckpoint(files, folder, old);
    return path;
  });
}

function isIntact(files: Files, path: string): boolean {
  return files.exists(path) && typeof verifyCheckpoint(files, path) !== 'string';
}

function writeCheckpoint(checkpoint: Checkpoint, files: Files, folder: string, name: string): void {
  const path = join(folder, name);
  if (files.exists(path)) removeCheckpoint(files, folder, name);
  const contents = new Map([
    [WEIGHTS_FILE, safetensorsChunks(checkpoint.weights)],
    [OPTIMIZER_FILE, safetensorsChunks(checkpoint.optimizer)],
  ]);
  checkSpace(files, folder, path, contents.values());
  const temporary = `${path}.tmp-${process.pid}`;
  try {
    writeFolder(files, temporary, contents, checkpoint.state);
    files.rename(temporary, path);
  } catch (error) {
    discard(files, temporary);
    throw error;
  }
}

/** All but the newest `keep` up to this one. Newer ones than this were not usable, or the run would have begun there. */
function outdated(names: readonly string[], name: string, keep: number): readonly string[] {
  const at = names.indexOf(name);
  return [...names.slice(0, at), ...names.slice(at + Math.max(1, keep))];
}

/** Takes it away under another name, so that no half of it is ever seen as a checkpoint. */
function removeCheckpoint(files: Files, folder: string, name: string): void {
  const away = join(folder, `${name}.tmp-${process.pid}`);
  files.rename(join(folder, name), away);
  files.remove(away);
}

function writeFolder(
  files: Files,
  folder: string,
  contents: ReadonlyMap<string, readonly Uint8Array[]>,
  state: RunState,
): void {
  files.makeFolder(folder);
  const entries: Record<string, FileEntry> = {};
  for (const [name, chunks] of contents) {
    writeDurably(files, join(folder, name), chunks);
    entries[name] = entryOf(chunks);
  }
  const manifest = new TextEncoder().encode(renderManifest({ state, files: entries }));
  writeDurably(files, join(folder, MANIFEST_NAME), [manifest]);
  syncFolder(files, folder);
}

function entryOf(chunks: readonly Uint8Array[]): FileEntry {
  const hash = createHash('sha256');
  for (const chunk of chunks) hash.update(chunk);
  return { bytes: bytesOf(chunks), sha256: hash.digest('hex') };
}

function bytesOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((n, c) => n + c.byteLength, 0);
}

/** A tenth more than the tensors, for manifests, metrics, and what others write meanwhile. */
function checkSpace(files: Files, folder: string, path: string, contents: Iterable<readonly Uint8Array[]>): void {
  const needs = Math.ceil([...contents].reduce((n, chunks) => n + bytesOf(chunks), 0) * 1.1);
  const has = files.freeBytes(folder);
  if (needs > has) throw runFailure('disk-full', { path, needs, has });
}

/** What a process that was killed left behind. The lock of the run says that no other is writing. */
function removeLeftovers(files: Files, folder: string): void {
  for (const name of files.list(folder)) {
    if (/^(step-\d+|latest)\.tmp-\d+$/.test(name)) files.remove(join(folder, name));
  }
}

/** The error that led here is what matters, so one while cleaning up is not reported. */
function discard(files: Files, path: string): void {
  try {
    files.remove(path);
  } catch {}
}
