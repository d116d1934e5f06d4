import { dataFailure } from '../compiler/diagnostics/data.ts';
import type { Plan } from '../compiler/ir/plan.ts';
import type { TrainConfig } from '../compiler/ir/train.ts';
import { invariant } from '../compiler/support/invariant.ts';
import type { TrainingData } from './data/training-data.ts';
import { type Batch, readWindows, scanTokens, windowCount, windowOrder } from './data/windows.ts';
import { checkValidation } from './evaluate.ts';
import { programOf } from './plan-io.ts';
import { batchShape, vocabularyOf } from './run-step.ts';

/**
 * Checks that the data fits the model and the plan; gives the batch of a step, counted from 0. Fails with `data-too-short`,
 * `validation-too-short`, `token-outside-vocabulary` or `input-not-provided`.
 */
export function openBatches(plan: Plan, config: TrainConfig, data: TrainingData): (step: number) => Batch {
  const { rows, time } = batchShape(programOf(plan, 'micro'));
  invariant(rows * plan.accumulation === config.batch, 'the plan was made for the batch of the settings');
  const vocab = vocabularyOf(plan.programs);
  const count = windowCount(data.train, time);
  if (count < config.batch) {
    const needs = config.batch * time + 1;
    throw dataFailure('data-too-short', { tokens: data.train.length, needs, batch: config.batch, time });
  }
  scanTokens(data.train, vocab);
  if (data.validation) {
    scanTokens(data.validation.source, vocab);
    checkValidation(plan, data.validation);
  }
  const windowAt = windowOrder(count, config.seed);
  return (step) => {
    const windows = Array.from({ length: config.batch }, (_, k) => windowAt(step * config.batch + k));
    return readWindows(data.train, windows, time, vocab);
  };
}
