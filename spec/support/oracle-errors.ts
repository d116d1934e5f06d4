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
  /** The largest over all weights, by norm. */
  readonly gradients: number;
  /** The weight that it is of. */
  readonly worst: string;
}

export type OracleLimits = Pick<OracleErrors, 'loss' | 'logits' | 'gradients' | 'losses'>;

export const ORACLE_F32: OracleLimits = { loss: 1e-5, logits: 5e-5, gradients: 5e-4, losses: 1e-4 };

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
  const out = join(folder, `${name}-${device}.safetensors`);
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
  let [gradients, worst] = [0, ''];
  for (const tensor of [...expected.tensors.keys()].filter((n) => n.startsWith('grad.'))) {
    assert.equal(found.tensors.get(tensor)?.shape, expected.tensors.get(tensor)?.shape);
    const error = far(tensor, floor);
    // What is no number is the worst.
    if (!(error <= gradients)) [gradients, worst] = [error, tensor];
  }
  return {
    loss: far('loss'),
    grad_norm: far('grad_norm'),
    losses: largest(tensorOf(found, 'losses'), tensorOf(expected, 'losses')),
    logits: Math.max(...tensorOf(found, 'logits').map((v, i) => Math.abs(v - (logits[i] ?? 0)))) / scale,
    gradients,
    worst,
  };
}

/** What exceeds the limits, in words; nothing when all is well. */
export function beyondLimits(errors: OracleErrors, limits: OracleLimits): readonly string[] {
  const held = [
    ['loss', errors.loss, limits.loss],
    ['grad_norm', errors.grad_norm, limits.gradients],
    ['losses', errors.losses, limits.losses],
    ['logits', errors.logits, limits.logits],
    [errors.worst, errors.gradients, limits.gradients],
  ] as const;
  return held.flatMap(([what, error, limit]) => (error <= limit ? [] : [`${what} is off by ${error}`]));
}

/** The largest relative difference of two series. */
function largest(found: Float64Array, expected: Float64Array): number {
  return Math.max(...found.map((v, i) => Math.abs(v / (expected[i] ?? Number.NaN) - 1)));
}
