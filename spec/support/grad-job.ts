/** What `tfm grad` is given, for specs at a small size, and its tensors as numbers. */
import type { Compiled } from '../../src/compiler/compile-request.ts';
import { present } from '../../src/compiler/support/invariant.ts';
import type { TensorFile } from '../../src/runtime/safetensors.ts';
import { floatTensor, numbersOf } from '../../src/runtime/tensor-values.ts';
import { livelyValues, ROWS, TIME, targets, tokens } from './gallery.ts';

export function gradJob({ plan, train }: Compiled, steps: number) {
  const tensors = plan.weights.map(
    (w) => [w.name, floatTensor(Float32Array.from(livelyValues(w, w.shape)), w.shape)] as const,
  );
  return {
    weights: { tensors: new Map(tensors), metadata: {} },
    weightsPath: 'weights',
    batch: { rows: ROWS, time: TIME, tokens, targets },
    names: new Map<string, string>(),
    config: present(train, 'a train block'),
    steps,
  };
}

export const get = (file: TensorFile, name: string): Float64Array =>
  Float64Array.from(numbersOf(present(file.tensors.get(name), name)));

export const norm = (x: Float64Array): number => Math.sqrt(x.reduce((sum, v) => sum + v * v, 0));
