import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Captured<T> {
  readonly result: T;
  /** What native code wrote to stderr meanwhile, in lines. */
  readonly lines: readonly string[];
}

/**
 * Runs `action` while what native code writes to stderr goes elsewhere. Dawn and the Vulkan loader write there of their own
 * accord, also when all is well; what they say is shown only when it explains a failure. Where file descriptors cannot
 * be redirected, nothing is captured.
 */
export async function captureStderr<T>(action: () => T): Promise<Captured<T>> {
  const descriptors = await nativeDescriptors();
  if (!descriptors) return { result: action(), lines: [] };
  const folder = mkdtempSync(join(tmpdir(), 'tfm-'));
  const path = join(folder, 'stderr');
  const file = openSync(path, 'w');
  const saved = descriptors.duplicate(2);
  try {
    descriptors.replace(file, 2);
    const result = action();
    descriptors.replace(saved, 2);
    return {
      result,
      lines: readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => line.trim() !== ''),
    };
  } finally {
    descriptors.replace(saved, 2);
    closeSync(saved);
    closeSync(file);
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Descriptors {
  readonly duplicate: (descriptor: number) => number;
  readonly replace: (from: number, to: number) => number;
}

async function nativeDescriptors(): Promise<Descriptors | undefined> {
  if (process.platform === 'win32') return undefined;
  try {
    const { default: koffi } = await import('koffi');
    const libc = koffi.load(null);
    return { duplicate: libc.func('int dup(int)'), replace: libc.func('int dup2(int, int)') };
  } catch {
    return undefined;
  }
}
