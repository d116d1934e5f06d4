import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
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

/** So many times the errors of PyTorch in bf16 on the same case, which `oracle/torch_bf16.py` wrote. */
export function timesTorch(times: number): CaseLimits {
  return (name) => {
    const { loss, logits, gradients } = torch.cases[name];
    return { loss: times * loss, logits: times * logits, gradients: (weight) => times * (gradients[weight] ?? 0) };
  };
}

/**
 * By name of a precision: the setting of a spec that asks for it, and what its errors are held to. f16 has eight times as many steps
 * between two numbers as bf16.
 */
export const PRECISIONS: Readonly<Record<string, { readonly set: readonly string[]; readonly limits: CaseLimits }>> = {
  f32: { set: [], limits: () => ORACLE_F32 },
  bf16: { set: ['train.precision=bf16'], limits: timesTorch(2) },
  f16: { set: ['train.precision=f16'], limits: timesTorch(2 / 8) },
};

const folder = temporaryFolder();
/** What the files of a case hold beside what `tfm grad` gives. */
const DIAGNOSTICS = ['block_variance', 'angular'];

/** Runs a case; `set` are settings of its spec. Throws when tensors are missing or have other shapes. */
export async function oracleErrors(
  name: OracleCase,
  device: string,
  set: readonly string[] = [],
): Promise<OracleErrors> {
  const here = join('spec/oracle', name);
  const out = join(folder, `${name}-${device}-${set.join()}.safetensors`);
  const [weights, batch] = ['weights', 'batch'].map((file) => join(here, `${file}.safetensors`));
  const { exit, err } = await runMain(
    ...['grad', join(here, 'model.tfm'), '--weights', `${weights}`, '--batch', `${batch}`, '--out', out],
    ...['--names', join(here, 'names.json'), '--steps', '10', '--device', device],
    ...set.flatMap((setting) => ['--set', setting]),
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
  const { POSITIVE_INFINITY: any } = Number;
  const held = [
    ['the loss', errors.loss, limits.loss],
    ['the norm', errors.grad_norm, limits.grad_norm ?? any],
    ['a later loss', errors.losses, limits.losses ?? any],
    ['a logit', errors.logits, limits.logits],
    ...Object.entries(errors.gradients).map(
      ([weight, error]) => [`the gradient of ${weight}`, error, limits.gradients(weight)] as const,
    ),
  ] as const;
  return held.flatMap(([what, error, limit]) =>
    error <= limit ? [] : [`${what} is off by ${error}, more than ${limit}`],
  );
}

/** The largest relative difference of two series. */
function largest(found: Float64Array, expected: Float64Array): number {
  return Math.max(...found.map((v, i) => Math.abs(v / (expected[i] ?? Number.NaN) - 1)));
}
