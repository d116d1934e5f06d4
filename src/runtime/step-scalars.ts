import { runFailure } from '../compiler/diagnostics/run.ts';
import type { HostScalars } from '../compiler/ir/plan.ts';
import type { TrainConfig } from '../compiler/ir/train.ts';
import { evaluateSchedule } from './schedule.ts';

/**
 * The host's scalars of a step (counted from 0), but for the number of the micro-batch. Fails with `lr-not-finite`.
 * `bias1` and `bias2` are Adam's corrections, Kingma and Ba, arXiv 1412.6980, algorithm 1. In f16, where a step may be left out, the device
 * has its own.
 */
export function stepScalars(config: Pick<TrainConfig, 'lr' | 'seed' | 'optimizer'>, step: number): HostScalars {
  const lr = evaluateSchedule(config.lr, step);
  if (!Number.isFinite(lr)) throw runFailure('lr-not-finite', { step: step + 1, value: lr });
  const { beta1, beta2 } = config.optimizer;
  return {
    step,
    seed: config.seed,
    micro: 0,
    lr,
    bias1: 1 - beta1 ** (step + 1),
    bias2: 1 - beta2 ** (step + 1),
  };
}
