import { compareSteps, type ProgramResult } from '../../bench/compare-steps.ts';
import { type KernelRate, profileSpec, withOp } from '../../bench/gpu/profile-spec.ts';
import {
  type GpuBench,
  measureTorch,
  missingTorch,
  OURS_LIBRARY,
  schemePrograms,
  TORCH,
  trainingPrograms,
} from '../../bench/gpu/programs.ts';
import { median, medianInterval } from '../../bench/median.ts';
import { OURS } from '../../bench/programs.ts';
import { productFlops, SIZE_130M, SIZE_TINY, type Size, settingsOf } from '../../bench/sizes.ts';
import { startTensors } from '../../bench/start-tensors.ts';
import type { Device } from '../../src/backends/device.ts';
import { openDevice } from '../../src/backends/open-device.ts';
import type { LibraryUse } from '../../src/compiler/ir/matmul.ts';
import { measureAttainable } from '../../src/runtime/profile/attainable.ts';
import { loaderArguments } from '../support/run-test-file.ts';
import { missingLibrary } from './missing-library.ts';
import { type CheckContext, type Part, resultOf } from './part.ts';

/** What is measured, and how often. */
interface Scale {
  readonly size: Size;
  readonly rounds: number;
  readonly pairs: number;
  readonly roundMs: { readonly training: number; readonly pair: number };
  /** Of products: rows, columns and what is summed over. */
  readonly cubes: readonly number[];
  /** Which products go to a library, where that is measured. */
  readonly library: LibraryUse;
}

const FULL: Scale = {
  size: SIZE_130M,
  rounds: 5,
  pairs: 50,
  roundMs: { training: 3000, pair: 400 },
  cubes: [2048, 4096, 8192],
  library: 'large',
};
const TINY: Scale = {
  size: SIZE_TINY,
  rounds: 2,
  pairs: 2,
  roundMs: { training: 1, pair: 1 },
  cubes: [48],
  library: 'all',
};

/** Losses of two programs in bf16, whose sums are rounded at other places, relative. */
const BF16_TOLERANCE = 2e-2;
const ROUNDS = 5;

/** Speed on this device, beside PyTorch's where it is there. */
export const bench: Part = {
  about: `training of LLaMA ${SIZE_130M.name}, kernels, products, attention, LNS over PreNorm; with and without cuBLASLt, beside PyTorch`,
  async run(context) {
    const scale = context.info.software ? TINY : FULL;
    const noLibrary = await missingLibrary(context.device);
    if (noLibrary !== undefined) context.tell(noLibrary);
    const library = noLibrary === undefined ? scale.library : undefined;
    const setup: GpuBench = { device: context.device, precision: 'bf16', library, loader: loaderArguments() };
    const noTorch = missingTorch(context.device);
    if (noTorch !== undefined) context.tell(`PyTorch is left out: ${noTorch}`);
    const tensors = startTensors(scale.size);
    const programs = trainingPrograms(setup).filter(({ name }) => name !== TORCH || noTorch === undefined);
    const { size, rounds, pairs, roundMs } = scale;
    const training = await compareSteps(
      { name: size.name, size, tensors, tolerance: BF16_TOLERANCE, roundMs: roundMs.training },
      programs,
      rounds,
      context.tell,
    );
    const own = await ownFigures(context, scale, library);
    const torch = noTorch === undefined ? measureTorch(requestOf(scale)) : undefined;
    const schemes = await compareSteps(
      { name: 'schemes', size, tensors, differ: true, roundMs: roundMs.pair },
      schemePrograms(setup),
      pairs,
      () => {},
    );
    const summary = { ...summaryOf(size, training), ...kernelSummary(scale, own, torch), ...schemeSummary(schemes) };
    for (const [what, value] of Object.entries(summary)) context.tell(`${what}: ${JSON.stringify(value)}`);
    const without = { torch: torch ?? noTorch, library: library ?? noLibrary };
    return resultOf([], { summary, size, ...without, training, ...own, schemes });
  },
};

interface OwnFigures {
  readonly copy_bytes_per_second: number;
  readonly step_ms: number;
  readonly kernels: readonly KernelRate[];
  readonly products: readonly CubeRates[];
  /** The same products by a library; none where there is none. */
  readonly library_products: readonly CubeRates[];
}

interface CubeRates {
  readonly cube: number;
  readonly kernels: readonly KernelRate[];
}

/** Kernels of the model's step, and products by themselves, each in bf16. */
async function ownFigures(
  { device: name }: CheckContext,
  { size, cubes }: Scale,
  library: LibraryUse | undefined,
): Promise<OwnFigures> {
  const device: Device = await openDevice(name, { notify: () => {} });
  const bf16 = 'train.precision=bf16';
  try {
    const { memoryBytesPerSecond } = await measureAttainable(device, ROUNDS);
    const { stepMs, kernels } = await profileSpec(device, 'llama.tfm', [...settingsOf(size), bf16]);
    const ratesOf = async (use?: LibraryUse): Promise<readonly CubeRates[]> => {
      const rates: CubeRates[] = [];
      for (const cube of cubes) {
        const set = [...['rows', 'inner', 'columns'].map((axis) => `${axis}=${cube}`), bf16];
        const found = await profileSpec(device, 'micro/product-stored.tfm', set, use);
        rates.push({ cube, kernels: withOp(found.kernels, /^contract$/) });
      }
      return rates;
    };
    const products = await ratesOf();
    const libraryProducts = library === undefined ? [] : await ratesOf(library);
    return {
      copy_bytes_per_second: memoryBytesPerSecond,
      step_ms: stepMs,
      kernels,
      products,
      library_products: libraryProducts,
    };
  } finally {
    device.close();
  }
}

function requestOf({ size, cubes }: Scale): Parameters<typeof measureTorch>[0] {
  const { batch, heads, time, width } = size;
  const largest = Math.max(...cubes);
  return {
    products: cubes.map((n) => [n, n, n] as const),
    attention: { batch, heads, time, head: width / heads },
    copy: largest >= 2048 ? 2 ** 29 : 2 ** 20,
  };
}

/** Tokens a second, operations a second in products, bytes, and seconds to the first step. */
function summaryOf(size: Size, training: readonly ProgramResult[]): Readonly<Record<string, unknown>> {
  const of = (name: string) => training.find(({ program }) => program === name);
  const tokens = size.batch * size.time;
  const rows = training.map(({ program, rounds, encodeMs, gpuPeakBytes, coldStartMs, warmStartMs }) => [
    program,
    {
      tokens_per_second: (1000 * tokens) / median(rounds),
      product_flops_per_second: (1000 * productFlops(size)) / median(rounds),
      peak_bytes: gpuPeakBytes,
      ...(encodeMs === undefined ? {} : { encode_ms: encodeMs }),
      cold_start_seconds: coldStartMs / 1000,
      warm_start_seconds: warmStartMs / 1000,
    },
  ]);
  const torch = of(TORCH);
  const beside = (ours: ProgramResult | undefined) =>
    ours &&
    torch && {
      speed: median(torch.rounds.map((ms, i) => ms / (ours.rounds[i] ?? Number.NaN))),
      memory: (ours.gpuPeakBytes ?? Number.NaN) / (torch.gpuPeakBytes ?? Number.NaN),
      cold_start: torch.coldStartMs / ours.coldStartMs,
    };
  const [generated, library] = [beside(of(OURS)), beside(of(OURS_LIBRARY))];
  return {
    ...Object.fromEntries(rows),
    ...(generated ? { 'times PyTorch': generated } : {}),
    ...(library ? { 'times PyTorch, products by cuBLASLt': library } : {}),
  };
}

/** What kernels do of what the device can: of PyTorch's products and attention, and of the bandwidth of a copy. */
function kernelSummary(
  { size }: Scale,
  { kernels, products, library_products, copy_bytes_per_second: copy }: OwnFigures,
  torch: ReturnType<typeof measureTorch> | undefined,
): Readonly<Record<string, unknown>> {
  const ratesOf = (cubes: readonly CubeRates[]) =>
    cubes.map(({ cube, kernels: found }) => {
      const best = Math.max(...found.map(({ flopsPerSecond }) => flopsPerSecond));
      const theirs = torch?.products.find(({ shape }) => shape[0] === cube)?.ms;
      return {
        cube,
        flops_per_second: best,
        ...(theirs ? { 'times PyTorch': best / ((1000 * 2 * cube ** 3) / theirs) } : {}),
      };
    });
  const ms = (op: RegExp): number => withOp(kernels, op).reduce((sum, k) => sum + k.ms, 0) / size.depth;
  const attention = { forward_ms: ms(/^attend$/), backward_ms: ms(/^attend_backward/) };
  const theirs = torch?.attention;
  const bandwidth = kernels
    .filter(({ members }) => !members.some((member) => / = (contract|attend\w*)$/.test(member)))
    .map(({ kernel, ms: each, bytesPerSecond }) => ({ kernel, ms: each, 'of copy': bytesPerSecond / copy }));
  return {
    products: ratesOf(products),
    ...(library_products.length > 0 ? { 'products by cuBLASLt': ratesOf(library_products) } : {}),
    attention: theirs
      ? {
          ...attention,
          'times PyTorch': [theirs.forward_ms / attention.forward_ms, theirs.backward_ms / attention.backward_ms],
        }
      : attention,
    'kernels that move bytes': bandwidth,
  };
}

/** How much longer a step of LNS takes, of pairs of rounds. */
function schemeSummary([before, after]: readonly ProgramResult[]): Readonly<Record<string, unknown>> {
  const ratios = (before?.rounds ?? []).map((ms, i) => (after?.rounds[i] ?? Number.NaN) / ms);
  return { 'LNS over PreNorm': { pairs: ratios.length, median: median(ratios), interval: medianInterval(ratios) } };
}
