/** What is compared. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface ProgramSpec {
  readonly name: string;
  readonly command: string;
  /** Before START and SIZE, and behind them. */
  readonly file: string;
  /** The program that measures single functions; undefined where there is none. */
  readonly micro?: string;
  readonly more?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Variables that name the folder in which compiled kernels are kept; that of Mesa unless given. */
  readonly caches?: readonly string[];
  /** Left out unless it is asked for by name. */
  readonly onRequest?: boolean;
  /** Why it cannot run here; undefined when it can. */
  readonly missing: () => string | undefined;
}

/** The one that the others are compared with. */
export const OURS = 'tfm';

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const PYTHON = process.env.BENCH_PYTHON ?? '/usr/bin/python3';

/** What a scheme costs: the same program, and nothing but the scheme differs. */
export const SCHEMES: readonly ProgramSpec[] = ['PreNorm', 'LNS'].map((scheme) => ({
  name: scheme,
  command: process.execPath,
  file: file('../dist/bench/programs/ours.js'),
  more: [`scheme=${scheme}`],
  missing: () => undefined,
}));

/** Fails where PyTorch is missing, or multiplies by the reference BLAS, which is ten times slower. */
const TUNED_TORCH = "import torch; open('/proc/self/maps').read().index('openblas')";

/** OpenBLAS takes processors that it does not know for older ones. */
function hasAvx512(): boolean {
  return existsSync('/proc/cpuinfo') && readFileSync('/proc/cpuinfo', 'utf8').includes('avx512f');
}

/** Attention written out, each operation a kernel of its own, with the scores of all pairs in memory: what fusing it is worth. */
export const UNFUSED_ATTENTION: ProgramSpec = {
  name: 'tfm, unfused',
  command: process.execPath,
  file: file('../dist/bench/programs/micro-ours.js'),
  more: ['unfused'],
  missing: () => undefined,
};

const never = (): undefined => undefined;
const rivals = (): string | undefined =>
  existsSync(file('node_modules/@jax-js/jax')) ? undefined : 'its packages are missing: `npm ci` in bench/';

export const PROGRAMS: readonly ProgramSpec[] = [
  {
    name: OURS,
    command: process.execPath,
    file: file('../dist/bench/programs/ours.js'),
    micro: file('../dist/bench/programs/micro-ours.js'),
    missing: never,
  },
  {
    name: 'jax-js webgpu',
    command: process.execPath,
    file: file('programs/jax.mjs'),
    micro: file('programs/micro-jax.mjs'),
    more: ['webgpu'],
    missing: rivals,
  },
  {
    // As it is, a rival polls Dawn on a core that a software adapter needs.
    name: 'jax-js webgpu patient',
    command: process.execPath,
    file: file('programs/jax.mjs'),
    micro: file('programs/micro-jax.mjs'),
    more: ['webgpu'],
    env: { NODE_OPTIONS: `--import ${new URL('programs/patient.mjs', import.meta.url)}` },
    onRequest: true,
    missing: rivals,
  },
  {
    name: 'jax-js wasm',
    command: process.execPath,
    file: file('programs/jax.mjs'),
    micro: file('programs/micro-jax.mjs'),
    more: ['wasm'],
    missing: rivals,
  },
  { name: 'tfjs webgpu', command: process.execPath, file: file('programs/tfjs.mjs'), missing: rivals },
  {
    name: 'PyTorch CPU',
    command: PYTHON,
    file: file('programs/torch_step.py'),
    // With OpenMP's threads and those of OpenBLAS at once, PyTorch is several times slower on two cores.
    env: { OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '2', ...(hasAvx512() ? { OPENBLAS_CORETYPE: 'SkylakeX' } : {}) },
    missing: () =>
      spawnSync(PYTHON, ['-c', TUNED_TORCH]).status === 0
        ? undefined
        : `${PYTHON} has no torch, or one without OpenBLAS (Debian: python3-torch libopenblas0-pthread)`,
  },
];
