import { runFailure } from '../compiler/diagnostics/run.ts';
import type { HostScalars } from '../compiler/ir/plan.ts';
import type { TrainConfig } from '../compiler/ir/train.ts';
import { type LossScale, UNSCALED } from './loss-scale.ts';
import { evaluateSchedule } from './schedule.ts';

/**
 * The host's scalars of a step (counted from 0), but for the number of the micro-batch. Fails with `lr-not-finite`.
 * `bias1` and `bias2` are Adam's corrections, Kingma and Ba, arXiv 1412.6980, algorithm 1; they count the updates that were made.
 */
export function stepScalars(
  config: Pick<TrainConfig, 'lr' | 'seed' | 'optimizer'>,
  step: number,
  { scale, skipped }: LossScale = UNSCALED,
): HostScalars {
  const lr = evaluateSchedule(config.lr, step);
  if (!Number.isFinite(lr)) throw runFailure('lr-not-finite', { step: step + 1, value: lr });
  const { beta1, beta2 } = config.optimizer;
  const updates = step - skipped;
  return {
    step,
    seed: config.seed,
    micro: 0,
    lr,
    bias1: 1 - beta1 ** (updates + 1),
    bias2: 1 - beta2 ** (updates + 1),
    loss_scale: scale,
  };
}
