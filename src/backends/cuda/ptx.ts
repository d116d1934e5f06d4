/** All kernels of a plan as one text in PTX, which the driver alone can load: for machines without NVRTC and nvcc. */
import { createHash } from 'node:crypto';
import { deviceFailure } from '../../compiler/diagnostics/device.ts';
import type { CudaSource } from './driver.ts';
import { findCompiler } from './gpu/find-compiler.ts';
import { keptApart } from './keep-apart.ts';
import { KernelRefusal, kernelDefect } from './kernel-refusal.ts';
import { PTX_FILE } from './ptx-file.ts';

/** PTX is for a least architecture, and the driver makes machine code of it for its own. */
const LEAST = 80;

/**
 * Compiles kernels to PTX.
 *
 * @throws Failure `compiler-missing` where there is neither NVRTC nor nvcc.
 */
export async function ptxOf(sources: readonly CudaSource[]): Promise<string> {
  const compiler = await findCompiler();
  const text = sources.map((source, k) => keptApart(source, k)).join('\n');
  const texts = Object.fromEntries(sources.map((source) => [source.file, source.text]));
  const ptx = await compiler.ptx({ file: PTX_FILE, text, entryPoint: '' }, LEAST).catch((error: unknown) => {
    throw error instanceof KernelRefusal ? kernelDefect(error, texts) : error;
  });
  return `${markOf(sources)}\n${ptx}`;
}

/** @throws Failure `ptx-differs` when the PTX is of other kernels. */
export function checkPtx(ptx: string, sources: readonly CudaSource[]): void {
  if (ptx.split('\n', 1)[0] !== markOf(sources)) throw deviceFailure('ptx-differs', { file: PTX_FILE });
}

/** The first line says of which kernels it is. */
function markOf(sources: readonly CudaSource[]): string {
  const hash = createHash('sha256');
  for (const { file, text } of sources) hash.update(`${file}\n${text}\n`);
  return `// Of kernels with the SHA-256 ${hash.digest('hex')}`;
}
