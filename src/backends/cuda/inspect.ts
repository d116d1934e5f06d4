import { findProgram, type ProgramName, placesOf } from './find-program.ts';
import { type LibraryName, openLibrary } from './gpu/libraries.ts';

/** What was found of CUDA on this machine, without opening a device. */
export interface CudaPart {
  readonly name: string;
  readonly purpose: string;
  /** Where it is; undefined where it is nowhere. */
  readonly path: string | undefined;
  /** What was tried before. */
  readonly tried: readonly string[];
}

/** Looks for the libraries and programs that CUDA kernels need. */
export async function inspectCuda(): Promise<readonly CudaPart[]> {
  const library = async (name: LibraryName, purpose: string): Promise<CudaPart> => {
    const found = await openLibrary(name);
    return found.library
      ? { name, purpose, path: found.path, tried: [] }
      : { name, purpose, path: undefined, tried: found.tried };
  };
  const program = (name: ProgramName, purpose: string): CudaPart => {
    const path = findProgram(name);
    return { name, purpose, path, tried: path === undefined ? placesOf(name) : [] };
  };
  return [
    await library('libcuda', 'the driver, for --device cuda'),
    await library('libnvrtc', 'compiles kernels for it'),
    await library('libcublasLt', 'products of matrices, for --lib alone'),
    program('nvcc', 'does so where libnvrtc is missing'),
    program('g++', 'compiles kernels for --device cuda-cpu'),
  ];
}
