import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const NAME = process.platform === 'win32' ? 'nvcc.exe' : 'nvcc';

/** Where NVIDIA's compiler is looked for, in this order. */
export function nvccPlaces(): readonly string[] {
  const homes = [process.env.CUDA_HOME, process.env.CUDA_PATH].flatMap((home) => (home ? [join(home, 'bin')] : []));
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return [...new Set([...homes, ...path, '/usr/local/cuda/bin'])].map((folder) => join(folder, NAME));
}

/** The path of nvcc; undefined where there is none. */
export function findNvcc(): string | undefined {
  return nvccPlaces().find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
