import type { TargetLimits } from '../../compiler/ir/kernel.ts';
import { machineMemory } from '../shared/machine-memory.ts';

/** The limits that matter to kernels, by WebGPU's names. All are "at most". */
export const WANTED_LIMITS = [
  'maxStorageBuffersPerShaderStage',
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupsPerDimension',
] as const;

/** Every device takes this alignment, and finer ones would tie a plan to one device. */
export const OFFSET_ALIGNMENT = 256;

export interface LimitOptions {
  readonly software: boolean;
  /** 0 where subgroups are not to be used. */
  readonly subgroupSize: number;
  /** Whether its driver unrolls short loops. */
  readonly unrolls: boolean;
  /** Whether its buffers can hold f16. */
  readonly half: boolean;
  /** Pretends that bindings are no larger; for tests. */
  readonly bindingBytes: number | undefined;
}

/** What the compiler needs to know of a device. */
export function targetLimits(limits: GPUSupportedLimits, options: LimitOptions): TargetLimits {
  const whole = (bytes: number): number => Math.floor(bytes / OFFSET_ALIGNMENT) * OFFSET_ALIGNMENT;
  return {
    storageBindings: limits.maxStorageBuffersPerShaderStage,
    bindingBytes: whole(Math.min(limits.maxStorageBufferBindingSize, options.bindingBytes ?? Number.POSITIVE_INFINITY)),
    // SwiftShader has no memory for a buffer of exactly its own maximum.
    bufferBytes: whole(limits.maxBufferSize - 1),
    offsetAlignment: OFFSET_ALIGNMENT,
    memoryBytes: options.software ? machineMemory() : Number.POSITIVE_INFINITY,
    groupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
    invocationsPerGroup: Math.min(limits.maxComputeInvocationsPerWorkgroup, limits.maxComputeWorkgroupSizeX),
    sharedBytes: limits.maxComputeWorkgroupStorageSize,
    deviceClass: options.software ? 'cpu' : 'gpu',
    subgroupSize: options.subgroupSize,
    ...(options.unrolls ? { unrolls: true } : {}),
    narrow: options.half ? ['f16'] : [],
    copyBytes: 0,
    matrixUnits: 0,
  };
}
