import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliDecompressSync } from 'node:zlib';
import { deviceFailure } from '../../compiler/diagnostics/device.ts';
import { cacheFolder } from '../shared/cache-folder.ts';
import { readTar } from './read-tar.ts';

/**
 * SwiftShader, a Vulkan driver that runs on the CPU, and the Vulkan loader, as they come with a headless Chromium on npm.
 * The archive must be the one that was tried, to the bit.
 */
const PACKAGE = '@sparticuz/chromium';
const VERSION = '153.0.0';
const ARCHIVE = join('node_modules', ...PACKAGE.split('/'), 'bin', 'swiftshader.tar.br');
const ARCHIVE_SHA256 = 'b680e40a33235ecc6ad4c6897a168b70ce5164f0d62d2a64d675320d51614631';
const FILES = ['libvulkan.so.1', 'libvk_swiftshader.so', 'vk_swiftshader_icd.json'] as const;

/** Where the driver is kept: a folder of the user's cache. */
export function driverFolder(): string {
  return cacheFolder(`swiftshader-${VERSION}`);
}

export function isFetched(): boolean {
  return FILES.every((file) => existsSync(join(driverFolder(), file)));
}

/**
 * Fetches the driver through npm, unless it is there already. Needs no root, runs no script of the package, and puts the
 * folder in its place in one step, so that it is never half there.
 *
 * @returns The folder with the driver's files.
 * @throws Failure `software-driver-unavailable`, when offline for example.
 */
export async function fetchDriver(): Promise<string> {
  const folder = driverFolder();
  if (isFetched()) return folder;
  try {
    await mkdir(dirname(folder), { recursive: true });
    const work = await mkdtemp(join(dirname(folder), 'fetching-'));
    try {
      await npmInstall(work);
      await unpack(join(work, ARCHIVE), join(work, 'driver'));
      await rename(join(work, 'driver'), folder);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  } catch (error) {
    // Another process may have put it there meanwhile.
    if (!isFetched()) throw deviceFailure('software-driver-unavailable', { reason: reasonOf(error) });
  }
  return folder;
}

async function npmInstall(folder: string): Promise<void> {
  const quiet = ['--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error'];
  const target = ['--prefix', folder, `${PACKAGE}@${VERSION}`];
  await promisify(execFile)('npm', ['install', '--ignore-scripts', ...quiet, ...target]);
}

async function unpack(archive: string, folder: string): Promise<void> {
  const compressed = await readFile(archive);
  const hash = createHash('sha256').update(compressed).digest('hex');
  if (hash !== ARCHIVE_SHA256) throw new Error(`the archive in ${PACKAGE} ${VERSION} is not the one that was tried`);
  const files = readTar(brotliDecompressSync(compressed));
  await mkdir(folder);
  for (const name of FILES) {
    const content = files.get(name);
    if (!content) throw new Error(`${PACKAGE} ${VERSION} has no ${name}`);
    await writeFile(join(folder, name), content, { mode: 0o755 });
  }
}

/** The line of npm's complaint that says what is wrong, or what the system says. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.message.includes('spawn npm')) return 'npm was not found';
  const lines = error.message.split('\n').map((line) => line.replace(/^npm (error|ERR!)\s*/, '').trim());
  const telling = [/request to/, /certificate|timeout/i, /E[A-Z]{4,}/].map((r) => lines.find((line) => r.test(line)));
  return telling.find((line) => line !== undefined) ?? lines[0] ?? error.message;
}
