import { deviceFailure } from '../../../compiler/diagnostics/device.ts';
import { findProgram, placesOf } from '../find-program.ts';
import type { KernelCompiler } from './compiler.ts';
import { libraryPlaces, openLibrary } from './libraries.ts';
import { makeNvcc } from './nvcc.ts';
import { makeNvrtc } from './nvrtc.ts';

/** NVRTC, or nvcc. @throws Failure `compiler-missing`. */
export async function findCompiler(): Promise<KernelCompiler> {
  const nvrtc = await openLibrary('libnvrtc');
  if (nvrtc.library) return makeNvrtc(nvrtc.library);
  const nvcc = findProgram('nvcc');
  if (nvcc !== undefined) return makeNvcc(nvcc);
  const places = [...libraryPlaces('libnvrtc'), ...placesOf('nvcc')];
  throw deviceFailure('compiler-missing', { program: 'NVRTC or nvcc', places });
}
