import type { TargetLimits } from '../../compiler/ir/kernel.ts';
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
};
