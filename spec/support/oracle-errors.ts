import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { LibraryUse } from '../../src/compiler/ir/matmul.ts';
import { readTensorFile } from '../../src/runtime/weights-file.ts';
import { distance, oracleFile, tensorOf } from './oracle.ts';
import { runMain } from './run-cli.ts';
import { temporaryFolder } from './temporary.ts';

export const ORACLE_CASES = ['preln', 'lns', 'postln', 'deepnorm', 'gpt2'] as const;
export type OracleCase = (typeof ORACLE_CASES)[number];

/** How far `tfm grad` is from PyTorch's float64, relative. */
export interface OracleErrors {
  readonly loss: number;
  readonly grad_norm: number;
  /** The largest of the losses after 1 to 10 steps of the optimizer. */
  readonly losses: number;
  /** The largest difference, relative to the largest logit. */
  readonly logits: number;
  /** By weight, by norm. */
  readonly gradients: Readonly<Record<string, number>>;
}

/** The largest errors that a case may have; what is not named may be as it is. */
export interface OracleLimits {
  readonly loss: number;
  readonly logits: number;
  readonly gradients: (weight: string) => number;
  /** Of all gradients on average, each as a share of its limit. */
  readonly share?: number;
  readonly grad_norm?: number;
  readonly losses?: number;
}

/** Of every case, unless it is named by itself. */
export type CaseLimits = (name: OracleCase) => OracleLimits;

export const ORACLE_F32: OracleLimits = {
  loss: 1e-5,
  logits: 5e-5,
  gradients: () => 5e-4,
  grad_norm: 5e-4,
  losses: 1e-4,
};

type TorchErrors = Pick<OracleErrors, 'loss' | 'logits' | 'gradients'>;
const torch: { readonly cases: Readonly<Record<OracleCase, TorchErrors>> } = JSON.parse(
  readFileSync('spec/oracle/torch_bf16.json', 'utf8'),
);

/** How far errors may exceed those of PyTorch in bf16 on the same case, which `oracle/torch_bf16.py` wrote. */
interface TimesTorch {
  readonly each: number;
  /** Of all gradients, and of losses over many batches. */
  readonly mean: number;
}

/** One loss is too much by chance to be compared with one: it is held to the largest of PyTorch's. `oracle-losses.ts` compares many. */
function timesTorch({ each, mean }: TimesTorch): CaseLimits {
  return (name) => {
    const { logits, gradients } = torch.cases[name];
    return {
      loss: each * Math.max(...LOSSES),
      logits: each * logits,
      gradients: (weight) => each * (gradients[weight] ?? 0),
      share: mean / each,
    };
  };
}

const LOSSES = Object.values(torch.cases).map(({ loss }) => loss);

/** In f16 numbers lie eight times as close as in bf16: errors are an eighth on average, and one by itself is at most what it is in bf16. */
const NARROW = { bf16: { each: 2, mean: 2 }, f16: { each: 1, mean: 2 / 8 } } as const;

interface PrecisionCheck {
  /** The setting of a spec that asks for the precision. */
  readonly set: readonly string[];
  readonly limits: CaseLimits;
  /** How far losses over many batches may be off, as multiples of PyTorch in bf16. In f32 the one loss of a case says enough. */
  readonly losses?: number;
}

/** By name of a precision, what its errors are held to. */
export const PRECISIONS: Readonly<Record<string, PrecisionCheck>> = {
  f32: { set: [], limits: () => ORACLE_F32 },
  ...Object.fromEntries(
    Object.entries(NARROW).map(([type, times]) => [
      type,
      { set: [`train.precision=${type}`], limits: timesTorch(times), losses: times.mean },
    ]),
  ),
};

interface Mode {
  readonly words: string;
  /** What `tfm grad` is told beside a spec and its settings. */
  readonly options: readonly string[];
  readonly library?: LibraryUse;
}

const MODES = {
  plain: { words: '', options: [] },
  library: { words: ', products by a library', options: ['--lib-all'], library: 'all' },
} as const satisfies Readonly<Record<string, Mode>>;

/** The modes of a precision on a device. Libraries are of CUDA, and in f16 they do nothing that they do not in bf16. */
export function modesOf(device: string, precision: string): readonly Mode[] {
  const hasLibrary = device.startsWith('cuda') && precision !== 'f16';
  return hasLibrary ? [MODES.plain, MODES.library] : [MODES.plain];
}

const folder = temporaryFolder();
/** What the files of a case hold beside what `tfm grad` gives. */
const DIAGNOSTICS = ['block_variance', 'angular'];

/** Runs a case; `set` are settings of its spec, `options` are other ones. Throws when tensors are missing or have other shapes. */
export async function oracleErrors(
  name: OracleCase,
  device: string,
  set: readonly string[] = [],
  options: readonly string[] = [],
): Promise<OracleErrors> {
  const here = join('spec/oracle', name);
  const out = join(folder, `${name}-${device}-${[...set, ...options].join()}.safetensors`);
  const [weights, batch] = ['weights', 'batch'].map((file) => join(here, `${file}.safetensors`));
  const { exit, err } = await runMain(
    ...['grad', join(here, 'model.tfm'), '--weights', `${weights}`, '--batch', `${batch}`, '--out', out],
    ...['--names', join(here, 'names.json'), '--steps', '10', '--device', device],
    ...set.flatMap((setting) => ['--set', setting]),
    ...options,
  );
  assert.is(exit, 0, err);
  const found = readTensorFile(out);
  const expected = oracleFile(name, 'expected');
  assert.equal(
    [...found.tensors.keys()].sort(),
    [...expected.tensors.keys()].filter((n) => !DIAGNOSTICS.includes(n)).sort(),
  );
  const far = (tensor: string, floor = 0): number =>
    distance(tensorOf(found, tensor), tensorOf(expected, tensor), floor);
  const logits = tensorOf(expected, 'logits');
  const scale = Math.max(...logits.map(Math.abs));
  const floor = 1e-4 * (tensorOf(expected, 'grad_norm')[0] ?? 0);
  const gradients: Record<string, number> = {};
  for (const tensor of [...expected.tensors.keys()].filter((n) => n.startsWith('grad.'))) {
    assert.equal(found.tensors.get(tensor)?.shape, expected.tensors.get(tensor)?.shape);
    gradients[tensor.slice('grad.'.length)] = far(tensor, floor);
  }
  return {
    loss: far('loss'),
    grad_norm: far('grad_norm'),
    losses: largest(tensorOf(found, 'losses'), tensorOf(expected, 'losses')),
    logits: Math.max(...tensorOf(found, 'logits').map((v, i) => Math.abs(v - (logits[i] ?? 0)))) / scale,
    gradients,
  };
}

/** What exceeds the limits, in words; nothing when all is well. */
export function beyondLimits(errors: OracleErrors, limits: OracleLimits): readonly string[] {
  const { POSITIVE_INFINITY: unlimited } = Number;
  const held = [
    ['the loss', errors.loss, limits.loss],
    ['the norm', errors.grad_norm, limits.grad_norm ?? unlimited],
    ['a later loss', errors.losses, limits.losses ?? unlimited],
    ['a logit', errors.logits, limits.logits],
    ...Object.entries(errors.gradients).map(
      ([weight, error]) => [`the gradient of ${weight}`, error, limits.gradients(weight)] as const,
    ),
  ] as const;
  const shares = Object.entries(errors.gradients).map(([weight, error]) => error / limits.gradients(weight));
  const share = shares.reduce((a, b) => a + b, 0) / shares.length;
  return [
    ...held.flatMap(([what, error, limit]) =>
      error <= limit ? [] : [`${what} is off by ${error}, more than ${limit}`],
    ),
    ...(share <= (limits.share ?? 1) ? [] : [`gradients are off by ${share} of their limits on average`]),
  ];
}

/** The largest relative difference of two series. */
function largest(found: Float64Array, expected: Float64Array): number {
  return Math.max(...found.map((v, i) => Math.abs(v / (expected[i] ?? Number.NaN) - 1)));
}
