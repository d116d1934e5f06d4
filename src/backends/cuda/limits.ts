import type { TargetLimits } from '../../compiler/ir/kernel.ts';

/** Of what `cuMemAlloc` gives, and enough for any access that a kernel makes at once. */
export const OFFSET_ALIGNMENT = 256;

/** Bytes of shared memory that the text of a kernel may declare; for more it asks at its launch. */
export const DECLARED_BYTES = 48 * 1024;

/** What every GPU of compute capability 8.0 and newer can do; for compiling where there is none. */
export const CUDA_LIMITS: TargetLimits = {
  // Parameters of a kernel take at most 4 KiB where the driver is old: pointers of 8 bytes, and some uniforms.
  storageBindings: 400,
  // Indices of elements are u32, and sums of them must not overflow.
  bindingBytes: 2 ** 33,
  bufferBytes: 2 ** 40,
  offsetAlignment: OFFSET_ALIGNMENT,
  memoryBytes: Number.POSITIVE_INFINITY,
  groupsPerDimension: 2 ** 31 - 1,
  invocationsPerGroup: 1024,
  // What one block of a GeForce, which has the least, may have.
  sharedBytes: 99 * 1024,
  deviceClass: 'gpu',
  subgroupSize: 32,
  narrow: ['f16', 'bf16'],
  copyBytes: 16,
  // What an A100 has; a GPU that is at hand says its own number.
  matrixUnits: 108,
};
