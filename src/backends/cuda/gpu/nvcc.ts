import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { CudaSource } from '../driver.ts';
import { KernelRefusal, refusalIn } from '../kernel-refusal.ts';
import type { KernelCompiler } from './compiler.ts';

const run = promisify(execFile);

/** NVIDIA's compiler as a program, where NVRTC is missing. It takes half a second for each kernel. */
export async function makeNvcc(path: string): Promise<KernelCompiler> {
  const { stdout } = await run(path, ['--version']);
  const made = async ({ file, text }: CudaSource, options: readonly string[]): Promise<Buffer> => {
    const folder = await mkdtemp(join(tmpdir(), 'tfm-nvcc-'));
    try {
      const [source, result] = [join(folder, 'kernel.cu'), join(folder, 'result')];
      await writeFile(source, `#line 1 ${JSON.stringify(file)}\n${text}`);
      await run(path, [...options, '-std=c++17', source, '-o', result]).catch((error: unknown) => {
        const said = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
        throw refusalIn(said) ?? new KernelRefusal(file, said.split('\n')[0] ?? said);
      });
      return await readFile(result);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
  return {
    name: `nvcc ${/release [\d.]+, V([\d.]+)/.exec(stdout)?.[1] ?? 'of an unknown version'}`,
    compile: async (source, architecture) => new Uint8Array(await made(source, ['-cubin', `-arch=sm_${architecture}`])),
    ptx: async (source, architecture) =>
      (await made(source, ['-ptx', `-arch=compute_${architecture}`])).toString('utf8'),
  };
}
