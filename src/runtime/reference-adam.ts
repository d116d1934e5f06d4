/** The update of `src/compiler/plan/update-kernels.ts` in float64, written from its definition. */
import type { WeightMember } from '../compiler/ir/graph.ts';
import type { TrainConfig } from '../compiler/ir/train.ts';
import { evaluateSchedule } from './schedule.ts';

/** A weight with its state; `values`, `moment1` and `moment2` change in place. */
export interface AdamWeight {
  readonly member: WeightMember;
  readonly values: Float64Array;
  readonly moment1: Float64Array;
  readonly moment2: Float64Array;
}

export function norm(parts: Iterable<Float64Array>): number {
  let sum = 0;
  for (const part of parts) for (const v of part) sum += v * v;
  return Math.sqrt(sum);
}

/**
 * One step of AdamW (Loshchilov and Hutter, arXiv 1711.05101, algorithm 2) after clipping: first all gradients together,
 * then each weight with a clip of its own. `step` is counted from 0; frozen weights are not among `weights`.
 */
export function adamStep(
  weights: readonly AdamWeight[],
  gradientOf: (weight: AdamWeight) => Float64Array,
  config: Pick<TrainConfig, 'optimizer' | 'lr' | 'clip'>,
  step: number,
): void {
  const { beta1, beta2, eps, decay } = config.optimizer;
  const lr = evaluateSchedule(config.lr, step);
  const all = norm(weights.map(gradientOf));
  const global = config.clip !== undefined && all > config.clip ? config.clip / all : 1;
  for (const weight of weights) {
    const { member, values, moment1, moment2 } = weight;
    const gradient = gradientOf(weight);
    const own = global * norm([gradient]);
    const factor = member.clip !== undefined && own > member.clip ? (global * member.clip) / own : global;
    const rate = lr * member.lr;
    for (const [i, raw] of gradient.entries()) {
      const g = raw * factor;
      const m = beta1 * (moment1[i] ?? 0) + (1 - beta1) * g;
      const v = beta2 * (moment2[i] ?? 0) + (1 - beta2) * g * g;
      moment1[i] = m;
      moment2[i] = v;
      const mean = m / (1 - beta1 ** (step + 1));
      const root = Math.sqrt(v / (1 - beta2 ** (step + 1)));
      const kept = (values[i] ?? 0) * (1 - rate * decay * member.decay);
      values[i] = kept - rate * (mean / (root + eps * member.eps));
    }
  }
}
