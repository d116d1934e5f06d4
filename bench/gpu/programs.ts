/** What is compared on a GPU. */
import { spawnSync } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DeviceName } from '../../src/backends/open-device.ts';
import type { LibraryUse } from '../../src/compiler/ir/matmul.ts';
import { OURS, type ProgramSpec } from '../programs.ts';

export const TORCH = 'PyTorch';
/** Ours, with products of matrices by cuBLASLt. */
export const OURS_LIBRARY = 'tfm --lib';

/** The `python3` that has PyTorch. */
const PYTHON = process.env.BENCH_PYTHON ?? 'python3';
/** Programs of ours are sources, or what a compiler made of them. */
const OWN = extname(import.meta.url);

const file = (path: string): string => fileURLToPath(new URL(`../programs/${path}`, import.meta.url));

export interface GpuBench {
  readonly device: DeviceName;
  readonly precision: 'f32' | 'bf16' | 'f16';
  /** Which products a library computes in the program that has one; there is none without. */
  readonly library: LibraryUse | undefined;
  /** What Node needs in order to run our sources. */
  readonly loader: readonly string[];
}

function ours(name: string, { device, precision, loader }: GpuBench, ...settings: readonly string[]): ProgramSpec {
  return {
    name,
    command: process.execPath,
    file: file(`ours-gpu${OWN}`),
    more: [device, `train.precision=${precision}`, ...settings],
    env: { NODE_OPTIONS: loader.join(' ') },
    caches: ['XDG_CACHE_HOME'],
    missing: () => undefined,
  };
}

/** A step of training: ours, with every kernel generated and with products by a library, and that of PyTorch. */
export function trainingPrograms(bench: GpuBench): readonly ProgramSpec[] {
  const torch: ProgramSpec = {
    name: TORCH,
    command: PYTHON,
    file: file('torch_train.py'),
    more: [bench.precision],
    caches: ['TORCHINDUCTOR_CACHE_DIR', 'TRITON_CACHE_DIR', 'CUDA_CACHE_PATH'],
    missing: () => missingTorch(bench.device),
  };
  const { library } = bench;
  const withLibrary = library === undefined ? [] : [ours(OURS_LIBRARY, bench, `library=${library}`)];
  return [ours(OURS, bench), ...withLibrary, torch];
}

/** What a scheme costs: the same program, and nothing but the scheme differs. */
export function schemePrograms(bench: GpuBench): readonly ProgramSpec[] {
  return ['PreNorm', 'LNS'].map((scheme) => ours(scheme, bench, `scheme=${scheme}`));
}

/** Why PyTorch cannot be measured here, on the GPU unless the processor stands in its place; undefined when it can. */
export function missingTorch(device: DeviceName): string | undefined {
  const test = device === 'cuda' ? 'import torch; assert torch.cuda.is_available()' : 'import torch';
  return spawnSync(PYTHON, ['-c', test]).status === 0 ? undefined : `${PYTHON} has no torch that sees the device`;
}

export interface TorchFigures {
  readonly torch: string;
  readonly products: readonly { readonly shape: readonly number[]; readonly ms: number }[];
  readonly attention: { readonly forward_ms: number; readonly backward_ms: number } | null;
  readonly copy_bytes_per_second: number;
}

export interface TorchRequest {
  /** Rows, columns, and what is summed over. */
  readonly products: readonly (readonly [number, number, number])[];
  readonly attention: Readonly<Record<'batch' | 'heads' | 'time' | 'head', number>>;
  /** Bytes. */
  readonly copy: number;
}

/** Single functions of PyTorch. */
export function measureTorch(request: TorchRequest): TorchFigures {
  const { status, stdout, stderr } = spawnSync(PYTHON, [file('torch_micro.py'), JSON.stringify(request)], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`torch_micro.py ended with ${status}:\n${stderr}`);
  return JSON.parse(stdout) as TorchFigures;
}
