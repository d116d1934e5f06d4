import { promisify } from 'node:util';
import type { KoffiFunc, LibraryHandle } from 'koffi';
import type { CudaSource } from '../driver.ts';
import { KernelRefusal, refusalIn } from '../kernel-refusal.ts';
import type { KernelCompiler } from './compiler.ts';

type Program = bigint;

/** NVIDIA's compiler as a library. */
export function makeNvrtc(library: LibraryHandle): KernelCompiler {
  const of = <F>(signature: string): F => library.func(signature) as F;
  const version = of<(major: Int32Array, minor: Int32Array) => number>('int nvrtcVersion(void *major, void *minor)');
  const archCount = of<(count: Int32Array) => number>('int nvrtcGetNumSupportedArchs(void *count)');
  const archs = of<(list: Int32Array) => number>('int nvrtcGetSupportedArchs(void *list)');
  const create = of<(out: BigUint64Array, text: string, name: string, n: number, h: null, i: null) => number>(
    'int nvrtcCreateProgram(void *program, const char *text, const char *name, int count, void *headers, void *names)',
  );
  const compiling: KoffiFunc<(program: Program, count: number, options: readonly string[]) => number> = library.func(
    'int nvrtcCompileProgram(uint64_t program, int count, const char **options)',
  );
  // In a thread of its own, so that several kernels are compiled at once.
  const compile = promisify(compiling.async);
  const destroy = of<(program: BigUint64Array) => number>('int nvrtcDestroyProgram(void *program)');
  const errorText = of<(code: number) => string>('const char *nvrtcGetErrorString(int code)');
  const reader = (what: string) => ({
    size: of<(program: Program, bytes: BigUint64Array) => number>(
      `int nvrtcGet${what}Size(uint64_t program, void *bytes)`,
    ),
    read: of<(program: Program, into: Uint8Array) => number>(`int nvrtcGet${what}(uint64_t program, void *into)`),
  });
  const [log, cubin, ptx] = [reader('ProgramLog'), reader('CUBIN'), reader('PTX')];

  const check = (code: number, { file }: Pick<CudaSource, 'file'>): void => {
    if (code !== 0) throw new KernelRefusal(file, `NVRTC: ${errorText(code)}`);
  };
  const contents = (from: typeof log, program: Program, source: CudaSource): Uint8Array<ArrayBuffer> => {
    const bytes = new BigUint64Array(1);
    check(from.size(program, bytes), source);
    const into = new Uint8Array(Number(bytes[0]));
    check(from.read(program, into), source);
    return into;
  };

  const [major, minor] = [new Int32Array(1), new Int32Array(1)];
  check(version(major, minor), { file: 'nvrtcVersion' });
  const count = new Int32Array(1);
  check(archCount(count), { file: 'nvrtcGetNumSupportedArchs' });
  const supported = new Int32Array(count[0] ?? 0);
  check(archs(supported), { file: 'nvrtcGetSupportedArchs' });

  /** Compiles for a real architecture (`sm`) or a virtual one (`compute`), and reads what came of it. */
  const made = async (source: CudaSource, target: string, result: typeof log): Promise<Uint8Array<ArrayBuffer>> => {
    const options = [`--gpu-architecture=${target}`, '--std=c++17'];
    const out = new BigUint64Array(1);
    check(create(out, source.text, source.file, 0, null, null), source);
    const program = out[0] ?? 0n;
    try {
      if ((await compile(program, options.length, options)) !== 0) {
        const said = textOf(contents(log, program, source));
        throw refusalIn(said) ?? new KernelRefusal(source.file, said.split('\n')[0] ?? said);
      }
      return contents(result, program, source);
    } finally {
      destroy(out);
    }
  };

  return {
    name: `NVRTC ${major[0]}.${minor[0]}`,
    async compile(source, architecture) {
      if (supported.includes(architecture)) return made(source, `sm_${architecture}`, cubin);
      // A GPU that is newer than this NVRTC takes PTX for the newest that it knows.
      const newest = Math.max(...[...supported].filter((a) => a <= architecture));
      if (!Number.isFinite(newest)) throw new KernelRefusal(source.file, `NVRTC knows no sm_${architecture}`);
      return made(source, `compute_${newest}`, ptx);
    },
    ptx: async (source, architecture) => textOf(await made(source, `compute_${architecture}`, ptx)),
  };
}

/** Texts end with a zero. */
function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes).replace(/\0+$/, '');
}
