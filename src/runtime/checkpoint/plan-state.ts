import type { LoadedPlan } from '../../backends/device.ts';
import { runFailure } from '../../compiler/diagnostics/run.ts';
import type { WeightPlace } from '../../compiler/ir/plan.ts';
import { present } from '../../compiler/support/invariant.ts';
import { matchWeights } from '../match-weights.ts';
import {
  lossScalingPlace,
  MOMENTS,
  readOutputs,
  readWeights,
  trainedWeights,
  writeInput,
  writeWeights,
} from '../plan-io.ts';
import type { Tensor } from '../safetensors.ts';
import { floatsOf, floatTensor } from '../tensor-values.ts';
import type { Checkpoint } from './save.ts';

/** Reads weights and the optimizer's state from the device. */
export async function readPlanState(loaded: LoadedPlan): Promise<Pick<Checkpoint, 'weights' | 'optimizer'>> {
  const { weights } = loaded.plan;
  const trained = trainedWeights(loaded.plan);
  const optimizer = new Map<string, Tensor>();
  for (const like of MOMENTS) {
    for (const [name, tensor] of tensorsOf(trained, await readWeights(loaded, like, trained))) {
      optimizer.set(`${like}.${name}`, tensor);
    }
  }
  const scaling = lossScalingPlace(loaded.plan);
  if (scaling) {
    const [numbers] = await readOutputs(loaded, [scaling]);
    optimizer.set(scaling.name, floatTensor(present(numbers, scaling.name), scaling.shape));
  }
  return { weights: tensorsOf(weights, await readWeights(loaded, 'weights', weights)), optimizer };
}

function tensorsOf(
  places: readonly WeightPlace[],
  values: ReadonlyMap<string, Float32Array>,
): ReadonlyMap<string, Tensor> {
  return new Map(places.map((p) => [p.name, floatTensor(present(values.get(p.name), p.name), p.shape)]));
}

/** Puts a checkpoint's weights on the device. Fails with `checkpoint-foreign`, listing all that does not fit. */
export function writePlanWeights(loaded: LoadedPlan, { weights, path }: Foreign): void {
  const { tensors, problems } = matchWeights(loaded.plan.weights, weights);
  if (problems.length) throw runFailure('checkpoint-foreign', { path, problems });
  writeWeights(loaded, 'weights', loaded.plan.weights, (p) => floatsOf(present(tensors.get(p.name), p.name)));
}

type Foreign = Pick<Checkpoint, 'weights'> & { readonly path: string };

/** Puts a checkpoint's weights and optimizer on the device. Fails with `checkpoint-foreign`. */
export function writePlanState(loaded: LoadedPlan, checkpoint: Foreign & Pick<Checkpoint, 'optimizer'>): void {
  const { optimizer, path } = checkpoint;
  const trained = trainedWeights(loaded.plan);
  const scaling = lossScalingPlace(loaded.plan);
  const moments = MOMENTS.flatMap((like) => trained.map((p) => ({ ...p, name: `${like}.${p.name}` })));
  const { tensors, problems } = matchWeights(scaling ? [...moments, scaling] : moments, optimizer);
  writePlanWeights(loaded, checkpoint);
  if (problems.length) throw runFailure('checkpoint-foreign', { path, problems });
  for (const like of MOMENTS) {
    writeWeights(loaded, like, trained, (p) => floatsOf(present(tensors.get(`${like}.${p.name}`), p.name)));
  }
  if (scaling) writeInput(loaded, scaling, floatsOf(present(tensors.get(scaling.name), scaling.name)));
}
