import type { LoadedPlan } from '../backends/device.ts';
import { FIRST_SCALING, SCALING_NUMBERS } from '../compiler/ir/loss-scaling.ts';
import { lossScalingPlace, MOMENTS, trainedWeights, writeInput, writeWeights } from './plan-io.ts';

/** Puts the optimizer's state on the device as training begins: moments of zero, and in f16 the first loss scale. */
export function beginOptimizer(loaded: LoadedPlan): void {
  const { plan } = loaded;
  for (const like of MOMENTS) writeWeights(loaded, like, trainedWeights(plan), (p) => new Float32Array(p.bytes / 4));
  const scaling = lossScalingPlace(plan);
  if (scaling)
    writeInput(
      loaded,
      scaling,
      Float32Array.from(SCALING_NUMBERS, (number) => FIRST_SCALING[number]),
    );
}
