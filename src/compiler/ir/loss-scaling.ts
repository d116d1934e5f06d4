/**
 * Dynamic loss scaling, Micikevicius et al., arXiv 1710.03740, section 3.2: f16 has no numbers for small gradients, so the loss is
 * multiplied by a power of two, and their sums divided by it. Where that makes gradients too large for f16 the update is left out and
 * the factor halved; after many updates in a row it is doubled.
 *
 * The device keeps what that takes from step to step, so that the host may queue a step before it knows how the last one went.
 */
import type { Axis, AxisId, TensorType } from './graph.ts';
import { floats } from './tensor-type.ts';

/** The output of `update` that is the state, for the host. */
export const LOSS_SCALING = 'loss_scaling';

/** The numbers that are kept, in order. */
export const SCALING_NUMBERS = [
  /** The loss scale, a power of two. */
  'scale',
  /** Updates in a row since it changed. */
  'good',
  /** Adam's corrections as of the last update; which they are depends on how many steps were left out. */
  'bias1',
  'bias2',
] as const;

export type ScalingNumber = (typeof SCALING_NUMBERS)[number];

/** As a run begins. */
export const FIRST_SCALING: Readonly<Record<ScalingNumber, number>> = { scale: 2 ** 16, good: 0, bias1: 0, bias2: 0 };

export const LEAST_SCALE = 1;
export const MOST_SCALE = 2 ** 24;
/** Updates in a row that double the scale. */
export const GOOD_UPDATES = 2000;

/** The only axis of the state; no spec can name it. */
export const SCALING_AXIS: Axis = { id: 'loss scaling' as AxisId, name: 'number', size: SCALING_NUMBERS.length };
export const SCALING_TYPE: TensorType = floats([SCALING_AXIS]);
