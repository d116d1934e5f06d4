import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { constants, rmSync } from 'node:fs';
import { access, chmod, lstat, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '../../shared/cache-folder.ts';

// Contracting a product and a sum would make the numbers depend on the processor.
const OPTIONS = [
  '-std=c++17',
  '-O1',
  '-w',
  '-fPIC',
  '-shared',
  '-fvisibility=hidden',
  '-fno-strict-aliasing',
  '-ffp-contract=off',
];

const LARGEST_MESSAGE = 16 << 20;

/**
 * Compiles a file to a shared library, unless it is in the user's cache.
 *
 * @returns The path of the library.
 * @throws Error with what the compiler says.
 */
export async function buildLibrary(compiler: string, text: string): Promise<string> {
  const key = createHash('sha256')
    .update([compiler, ...OPTIONS, text].join('\n'))
    .digest('hex');
  const folder = await libraryFolder();
  const library = join(folder, `${key}.so`);
  if (await isOursAlone(library)) return library;
  const work = await mkdtemp(join(folder, 'building-'));
  try {
    const [source, built] = [join(work, 'kernels.cpp'), join(work, 'kernels.so')];
    await writeFile(source, text);
    await promisify(execFile)(compiler, [...OPTIONS, source, '-o', built], { maxBuffer: LARGEST_MESSAGE }).catch(
      (error: unknown) => {
        throw new Error(messageOf(error));
      },
    );
    await chmod(built, 0o700);
    await rename(built, library);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return library;
}

/** A folder in which nobody else can put libraries: of the user's cache, or where that cannot be, one for this process. */
async function libraryFolder(): Promise<string> {
  try {
    const folder = cacheFolder('cuda-cpu');
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await chmod(folder, 0o700);
    await access(folder, constants.W_OK);
    if (await isOursAlone(folder)) return folder;
  } catch {
    // The one for this process will do.
  }
  const folder = await mkdtemp(join(tmpdir(), 'tfm-cuda-cpu-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * Whether a file or folder is there, and of this user, whom alone its mode lets change it. A library is code: one that somebody else
 * put there would run with the rights of whoever loads it.
 */
async function isOursAlone(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  return (
    found !== undefined && !found.isSymbolicLink() && found.uid === process.getuid?.() && (found.mode & 0o022) === 0
  );
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'stderr' in error && typeof error.stderr === 'string' && error.stderr !== '' ? error.stderr : error.message;
}
