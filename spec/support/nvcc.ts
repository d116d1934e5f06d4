/** Compiles kernels with NVIDIA's compiler, many in one call, and reads what ptxas says of them. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from '../../src/backends/cuda/find-program.ts';
import { tellSkipped } from './skip.ts';
import { temporaryFolder } from './temporary.ts';

export interface KernelReport {
  /** `sm_80`. */
  readonly architecture: string;
  readonly registers: number;
  /** Bytes of a thread's own memory: arrays that do not lie in registers. */
  readonly frame: number;
  /** Bytes that did not fit in registers. */
  readonly spilled: number;
}

/** nvcc, if it can compile here: it needs a host compiler for the least of kernels too. Says what is skipped where it cannot. */
export function usableNvcc(): string | undefined {
  const nvcc = findProgram('nvcc');
  if (nvcc === undefined) {
    tellSkipped('there is no nvcc on this machine');
    return undefined;
  }
  const refusal = compileTogether(nvcc, ['extern "C" __global__ void kernel() {}\n'], [80]);
  if (typeof refusal !== 'string') return nvcc;
  tellSkipped(`nvcc cannot compile anything on this machine: ${refusal.trim().split('\n').at(-1)}`);
  return undefined;
}

/**
 * Compiles texts as one file, each with an entry point and a namespace of its own, and no warning allowed.
 *
 * @returns The reports of each text, one for an architecture; what the compiler says, when it refuses.
 */
export function compileTogether(
  nvcc: string,
  texts: readonly string[],
  architectures: readonly number[],
): readonly (readonly KernelReport[])[] | string {
  const folder = temporaryFolder();
  const file = join(folder, 'kernels.cu');
  const apart = texts.map((text, i) => {
    const names = ['kernel', 'tfm'];
    const define = names.map((name) => `#define ${name} ${name}_${i}`);
    return [...define, text, ...names.map((name) => `#undef ${name}`)].join('\n');
  });
  writeFileSync(file, apart.join('\n'));
  // One pass of the front end serves all architectures.
  const least = Math.min(...architectures);
  const codes = architectures.flatMap((a) => ['-gencode', `arch=compute_${least},code=sm_${a}`]);
  const options = ['--fatbin', '--threads', '2', '--Werror', 'all-warnings', '-Xptxas', '-v'];
  const { status, stdout, stderr } = spawnSync(
    nvcc,
    [...options, ...codes, file, '-o', join(folder, 'kernels.fatbin')],
    { encoding: 'utf8', maxBuffer: 1 << 28, timeout: 240_000 },
  );
  if (status !== 0) return `nvcc ended with ${status}:\n${stdout}\n${stderr}`;
  return reports(`${stdout}\n${stderr}`, texts.length);
}

/** Reads ptxas's report: a line with the name of a kernel, then its memory, then its registers. */
function reports(said: string, count: number): readonly (readonly KernelReport[])[] {
  const found = Array.from({ length: count }, (): KernelReport[] => []);
  const pattern =
    /Compiling entry function 'kernel_(\d+)' for '(sm_\d+)'[\s\S]*?(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads[\s\S]*?Used (\d+) registers/g;
  for (const [, index, architecture = '', frame, stores, loads, registers] of said.matchAll(pattern))
    found[Number(index)]?.push({
      architecture,
      registers: Number(registers),
      frame: Number(frame),
      spilled: Number(stores) + Number(loads),
    });
  return found;
}
