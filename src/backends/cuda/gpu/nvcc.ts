import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { KernelRefusal, refusalIn } from '../kernel-refusal.ts';
import type { KernelCompiler } from './compiler.ts';

const run = promisify(execFile);

/** NVIDIA's compiler as a program, where NVRTC is missing. It takes half a second for each kernel. */
export async function makeNvcc(path: string): Promise<KernelCompiler> {
  const { stdout } = await run(path, ['--version']);
  return {
    name: `nvcc ${/release [\d.]+, V([\d.]+)/.exec(stdout)?.[1] ?? 'of an unknown version'}`,
    async compile({ file, text }, architecture) {
      const folder = await mkdtemp(join(tmpdir(), 'tfm-nvcc-'));
      try {
        const [source, cubin] = [join(folder, 'kernel.cu'), join(folder, 'kernel.cubin')];
        await writeFile(source, `#line 1 ${JSON.stringify(file)}\n${text}`);
        const options = ['-cubin', `-arch=sm_${architecture}`, '-std=c++17'];
        await run(path, [...options, source, '-o', cubin]).catch((error: unknown) => {
          const said = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
          throw refusalIn(said) ?? new KernelRefusal(file, said.split('\n')[0] ?? said);
        });
        return new Uint8Array(await readFile(cubin));
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}
