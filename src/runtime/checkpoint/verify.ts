import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type Files, readAll, reasonOf } from '../files.ts';
import { MANIFEST_NAME, type Manifest, parseManifest } from './manifest.ts';

/** Names of checkpoints in a folder, the newest first. */
export function checkpointNames(files: Files, folder: string): readonly string[] {
  if (!files.exists(folder)) return [];
  return files
    .list(folder)
    .filter((name) => /^step-\d+$/.test(name))
    .sort((a, b) => stepOf(b) - stepOf(a));
}

function stepOf(name: string): number {
  return Number(name.slice('step-'.length));
}

/** Reads all files of a checkpoint and compares them with its manifest; gives the reason when they differ. */
export function verifyCheckpoint(files: Files, path: string): Manifest | string {
  try {
    const manifest = parseManifest(new TextDecoder().decode(readAll(files, join(path, MANIFEST_NAME))));
    if (typeof manifest === 'string') return manifest;
    for (const [name, entry] of Object.entries(manifest.files)) {
      const bytes = readAll(files, join(path, name));
      if (bytes.byteLength !== entry.bytes) return `'${name}' has ${bytes.byteLength} bytes, not ${entry.bytes}`;
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      if (sha256 !== entry.sha256) return `'${name}' is not what was saved`;
    }
    return manifest;
  } catch (error) {
    return reasonOf(error);
  }
}
