/** What a training step meets that is run only to be timed. */
import type { LoadedPlan } from '../../backends/device.ts';
import type { Plan } from '../../compiler/ir/plan.ts';
import type { TrainConfig } from '../../compiler/ir/train.ts';
import { beginOptimizer } from '../begin-optimizer.ts';
import type { Batch } from '../data/windows.ts';
import { initialValues } from '../init.ts';
import { programOf, writeWeights } from '../plan-io.ts';
import { batchShape } from '../run-step.ts';
import { stepScalars } from '../step-scalars.ts';

/** Weights and the optimizer as they begin. */
export function beginTraining(loaded: LoadedPlan, config: TrainConfig): void {
  writeWeights(loaded, 'weights', loaded.plan.weights, (place) => initialValues(place, config.seed));
  if (loaded.plan.programs.settle) loaded.run('settle', stepScalars(config, 0));
  beginOptimizer(loaded);
}

/** Ids that every vocabulary has. */
export function someBatch(plan: Plan): Batch {
  const { rows, time } = batchShape(programOf(plan, 'micro'));
  const ids = (): Int32Array => Int32Array.from({ length: rows * time * plan.accumulation }, (_, i) => i % 2);
  return { tokens: ids(), targets: ids() };
}
