/** The libraries of NVIDIA that are loaded when a GPU is asked for, and where they are looked for. */
import { join } from 'node:path';
import type { LibraryHandle } from 'koffi';

export type LibraryName = 'libcuda' | 'libnvrtc' | 'libcublasLt';

export interface FoundLibrary {
  readonly library: LibraryHandle;
  /** As it was loaded: a path, or a name that the loader of the system finds. */
  readonly path: string;
}

export interface MissingLibrary {
  readonly library: undefined;
  /** What was tried, each with what the loader said. */
  readonly tried: readonly string[];
}

/** A variable that names another file, and is then all that is tried. */
const OVERRIDES = { libcuda: 'TFM_LIBCUDA', libnvrtc: 'TFM_LIBNVRTC', libcublasLt: 'TFM_LIBCUBLASLT' } as const;

/** The driver's library stands where the system's loader looks; the others come with CUDA, and have its version in their names. */
const NAMES = {
  libcuda: { linux: ['libcuda.so.1', 'libcuda.so'], win32: ['nvcuda.dll'] },
  libnvrtc: {
    linux: ['libnvrtc.so', 'libnvrtc.so.13', 'libnvrtc.so.12'],
    win32: ['nvrtc64_130_0.dll', 'nvrtc64_120_0.dll'],
  },
  libcublasLt: {
    linux: ['libcublasLt.so.13', 'libcublasLt.so.12', 'libcublasLt.so'],
    win32: ['cublasLt64_13.dll', 'cublasLt64_12.dll'],
  },
} as const;

/** Every path and name that is tried, in this order. */
export function libraryPlaces(name: LibraryName): readonly string[] {
  const override = process.env[OVERRIDES[name]];
  if (override) return [override];
  const names = NAMES[name][process.platform === 'win32' ? 'win32' : 'linux'];
  const homes = [process.env.CUDA_HOME, process.env.CUDA_PATH, '/usr/local/cuda'].flatMap((home) =>
    home ? [home] : [],
  );
  const ofCuda = homes.flatMap((home) =>
    process.platform === 'win32' ? [join(home, 'bin'), join(home, 'bin', 'x64')] : [join(home, 'lib64')],
  );
  const folders = {
    libcuda: process.platform === 'linux' ? ['/usr/lib/wsl/lib'] : [],
    libnvrtc: ofCuda,
    libcublasLt: ofCuda,
  } as const;
  return [...names, ...folders[name].flatMap((folder) => names.map((file) => join(folder, file)))];
}

export async function openLibrary(name: LibraryName): Promise<FoundLibrary | MissingLibrary> {
  const { default: koffi } = await import('koffi');
  const tried: string[] = [];
  for (const path of libraryPlaces(name)) {
    try {
      return { library: koffi.load(path), path };
    } catch (error) {
      tried.push(`${path}: ${reasonOf(error)}`);
    }
  }
  return { library: undefined, tried };
}

/** What the loader says, without the words and the path around it. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return (
    message
      .split('\n')[0]
      ?.replace(/^Failed to load shared library: /, '')
      .replace(/^\S+: /, '') ?? message
  );
}
