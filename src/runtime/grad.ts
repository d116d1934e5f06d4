/** `tfm grad`: loss, logits, gradients and optimizer steps for given weights and one given batch. */
import type { LoadedPlan } from '../backends/device.ts';
import type { TrainConfig } from '../compiler/ir/train.ts';
import { present } from '../compiler/support/invariant.ts';
import { beginOptimizer } from './begin-optimizer.ts';
import type { Batch } from './data/windows.ts';
import type { NameMap } from './match-weights.ts';
import { readWeights, trainedWeights } from './plan-io.ts';
import { logitsProgram } from './run-logits.ts';
import { finishStep, queueGradients, type StepNumbers } from './run-step.ts';
import type { Tensor, TensorFile } from './safetensors.ts';
import { stepScalars } from './step-scalars.ts';
import { floatTensor } from './tensor-values.ts';
import { importWeights } from './weights-file.ts';

export interface GradJob {
  readonly loaded: LoadedPlan;
  /** Rejects when the device is lost. */
  readonly lost: Promise<never>;
  readonly config: TrainConfig;
  readonly weights: TensorFile;
  /** For messages. */
  readonly weightsPath: string;
  /** As `readBatch` gives it. */
  readonly batch: Batch;
  /** Names of the spec to names in the files, read and written. */
  readonly names: NameMap;
  /** Optimizer steps on the batch. */
  readonly steps: number;
}

/**
 * `loss` [], `grad_norm` [] and `grad.NAME` (shaped as the weight in its file) before any update; `logits` [batch, time,
 * vocab] where the model computes them; `losses` [steps], the loss on the batch after 1, 2, … steps of the optimizer.
 * The metadata lists the kernels by hash: they are those of `tfm train`. Fails with `weights-mismatch`.
 */
export function computeGradients(job: GradJob): Promise<TensorFile> {
  return Promise.race([gradients(job), job.lost]);
}

async function gradients(job: GradJob): Promise<TensorFile> {
  const { loaded, config, weights, weightsPath, batch, names, steps } = job;
  importWeights(loaded, weights, weightsPath, names);
  beginOptimizer(loaded);
  const trained = trainedWeights(loaded.plan);
  const tensors = new Map<string, Tensor>();
  const logits = await logitsOf(loaded, config, batch);
  if (logits) tensors.set('logits', logits);

  let values: ReadonlyMap<string, Float32Array> = new Map();
  const first = await appliedStep(job, 0, async () => {
    values = await readWeights(loaded, loaded.plan.gradients, trained);
  });
  tensors.set('loss', scalar(first.loss));
  for (const place of trained) {
    const file = names.get(place.name) ?? place.name;
    const { shape } = present(weights.tensors.get(file), file);
    tensors.set(`grad.${file}`, floatTensor(present(values.get(place.name), place.name), shape));
  }
  tensors.set('grad_norm', scalar(first.gradNorm));
  const losses = new Float32Array(steps);
  for (let k = 1; k <= steps; k += 1) losses[k - 1] = (await appliedStep(job, k)).loss;
  if (steps > 0) tensors.set('losses', floatTensor(losses, [steps]));
  const kernels = Object.fromEntries(loaded.plan.kernels.map((k) => [k.name, k.hash]));
  return { tensors, metadata: { kernels: JSON.stringify(kernels) } };
}

/** One step. In f16 it is done again, at the next smaller loss scale, until its gradients are finite, or the scale is the least. */
async function appliedStep(
  { loaded, config, batch }: Pick<GradJob, 'loaded' | 'config' | 'batch'>,
  step: number,
  beforeUpdate: () => Promise<void> = () => Promise.resolve(),
): Promise<StepNumbers> {
  const scalars = stepScalars(config, step);
  for (;;) {
    queueGradients(loaded, batch, scalars);
    await beforeUpdate();
    const numbers = await finishStep(loaded, scalars);
    if (numbers.outcome !== 'skipped') return numbers;
  }
}

async function logitsOf(loaded: LoadedPlan, config: TrainConfig, batch: Batch): Promise<Tensor | undefined> {
  if (!loaded.plan.programs.logits) return undefined;
  const { time, vocab, run } = logitsProgram(loaded, stepScalars(config, 0), 'tfm grad');
  const rows = batch.tokens.length / time;
  const all = new Float32Array(rows * time * vocab);
  for (let row = 0; row < rows; row += 1) {
    const tokens = batch.tokens.slice(row * time, (row + 1) * time);
    all.set(await run(tokens, 0, time), row * time * vocab);
  }
  return floatTensor(all, [rows, time, vocab]);
}

function scalar(value: number): Tensor {
  return floatTensor(Float32Array.of(value), []);
}
