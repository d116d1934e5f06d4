/**
 * Losses of the oracle cases on many random batches. One loss is one number in which errors of both signs cancel, more or less by
 * chance, in PyTorch's run as in ours; how accurate losses are is seen over many.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Device } from '../../src/backends/device.ts';
import { compileTarget } from '../../src/backends/targets.ts';
import type { LibraryUse } from '../../src/compiler/ir/matmul.ts';
import { present } from '../../src/compiler/support/invariant.ts';
import { beginOptimizer } from '../../src/runtime/begin-optimizer.ts';
import type { Batch } from '../../src/runtime/data/windows.ts';
import { queueGradients, readLoss } from '../../src/runtime/run-step.ts';
import { stepScalars } from '../../src/runtime/step-scalars.ts';
import { importWeights, readNameMap, readTensorFile } from '../../src/runtime/weights-file.ts';
import { compileText } from './compile-text.ts';
import { tensorOf } from './oracle.ts';
import type { OracleCase } from './oracle-errors.ts';

/** Relative errors to float64, each the root of the mean square over the batches. */
export interface LossErrors {
  readonly found: number;
  /** Of PyTorch in bf16. */
  readonly torch: number;
}

const DRAWS = readTensorFile('spec/oracle/losses.safetensors');

/** Runs what `tfm train` runs for a gradient, batch by batch; `set` and `library` are as for `compile`. */
export async function lossErrors(
  name: OracleCase,
  device: Device,
  set: readonly string[],
  library?: LibraryUse,
): Promise<LossErrors> {
  const here = join('spec/oracle', name);
  const { plan, texts, train } = compileText(readFileSync(join(here, 'model.tfm'), 'utf8'), {
    set,
    library,
    limits: device.limits,
    target: compileTarget(device.target),
  });
  const config = present(train, 'a train block');
  const loaded = await device.load(plan, texts);
  try {
    const weights = join(here, 'weights.safetensors');
    importWeights(loaded, readTensorFile(weights), weights, readNameMap(join(here, 'names.json')));
    beginOptimizer(loaded);
    const scalars = stepScalars(config, 0);
    const losses: number[] = [];
    for (const batch of batches()) {
      queueGradients(loaded, batch, scalars);
      losses.push(await readLoss(loaded));
    }
    const exact = tensorOf(DRAWS, `${name}.float64`);
    return { found: offBy(losses, exact), torch: offBy(tensorOf(DRAWS, `${name}.bf16`), exact) };
  } finally {
    loaded.release();
  }
}

function batches(): readonly Batch[] {
  const [tokens, targets] = ['tokens', 'targets'].map((name) => Int32Array.from(tensorOf(DRAWS, name)));
  const [count = 0, rows = 0, time = 0] = present(DRAWS.tensors.get('tokens'), 'tokens').shape;
  const size = rows * time;
  const part = (of: Int32Array | undefined, k: number) => present(of, 'a batch').slice(k * size, (k + 1) * size);
  return Array.from({ length: count }, (_, k) => ({ tokens: part(tokens, k), targets: part(targets, k) }));
}

function offBy(found: ArrayLike<number>, exact: Float64Array): number {
  const squares = exact.map((value, k) => ((found[k] ?? Number.NaN) / value - 1) ** 2);
  return Math.sqrt(squares.reduce((a, b) => a + b, 0) / squares.length);
}

/** What is beyond `times` the error of PyTorch in bf16, in words; nothing when all is well. */
export function lossesBeyond({ found, torch }: LossErrors, times: number): readonly string[] {
  const limit = times * torch;
  return found <= limit ? [] : [`losses are off by ${found} over many batches, more than ${limit}`];
}
