import type { TargetLimits } from '../../compiler/ir/kernel.ts';
import type { PlanTarget } from '../device.ts';
import { OFFSET_ALIGNMENT } from './limits.ts';

/** What WebGPU guarantees on every adapter; for compiling where there is none. */
export const DEFAULT_LIMITS: TargetLimits = {
  storageBindings: 8,
  bindingBytes: 128 * 1024 * 1024,
  bufferBytes: 256 * 1024 * 1024 - OFFSET_ALIGNMENT,
  offsetAlignment: OFFSET_ALIGNMENT,
  memoryBytes: Number.POSITIVE_INFINITY,
  groupsPerDimension: 65_535,
  invocationsPerGroup: 256,
  sharedBytes: 16_384,
  deviceClass: 'gpu',
  subgroupSize: 0,
  narrow: [],
  copyBytes: 0,
  matrixUnits: 0,
};

/** What no device holds to. */
export const NO_LIMITS: TargetLimits = {
  ...DEFAULT_LIMITS,
  bindingBytes: 2 ** 48,
  bufferBytes: 2 ** 48,
};

/** For looking at a model that no device has to hold. */
export const ANY_DEVICE: PlanTarget = { target: 'wgsl', limits: NO_LIMITS };
