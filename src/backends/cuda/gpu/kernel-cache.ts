import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from '../../shared/cache-folder.ts';
import type { CudaSource } from '../driver.ts';
import type { KernelCompiler } from './compiler.ts';

const HASH_BYTES = 32;

/**
 * What a compiler makes of a kernel, from the user's cache or new. An entry has its own hash before it, so that a damaged one
 * is made again.
 */
export async function compileCached(
  compiler: KernelCompiler,
  source: CudaSource,
  architecture: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const key = hashed(`${compiler.name}\n${architecture}\n${source.text}`).toString('hex');
  const folder = cacheFolder('cuda');
  const path = join(folder, key);
  const kept = await readFile(path).catch(() => undefined);
  if (kept && hashed(kept.subarray(HASH_BYTES)).equals(kept.subarray(0, HASH_BYTES)))
    return new Uint8Array(kept.subarray(HASH_BYTES));
  const image = await compiler.compile(source, architecture);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await chmod(folder, 0o700);
    const unique = `${path}-${process.pid}`;
    await writeFile(unique, Buffer.concat([hashed(image), image]));
    await rename(unique, path);
  } catch {
    // A cache that cannot be written costs time, and nothing else.
  }
  return image;
}

function hashed(data: string | Uint8Array): Buffer {
  return createHash('sha256').update(data).digest();
}
