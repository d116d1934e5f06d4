/** How the elements of stored values lie in memory. */
import type { Storage } from './graph.ts';
import type { NarrowType, ScalarType, SharedArray, StorageType, TargetLimits } from './kernel.ts';

/** Of buffers and of workgroup memory. */
export const ELEMENT_BYTES: { readonly [T in StorageType | ScalarType]: 2 | 4 } = {
  f32: 4,
  i32: 4,
  u32: 4,
  bool: 4,
  f16: 2,
  bf16: 2,
};

/** What an element is once it is loaded. */
export const LOADED = {
  f32: 'f32',
  i32: 'i32',
  u32: 'u32',
  bool: 'bool',
  f16: 'f32',
  bf16: 'f32',
} as const satisfies { readonly [T in StorageType | ScalarType]: ScalarType };

export const CELL: { readonly [S in Storage]: StorageType } = {
  f32: 'f32',
  f16: 'f16',
  bf16: 'bf16',
  i32: 'i32',
  bool: 'u32',
};

export function isNarrow(type: StorageType | ScalarType): type is NarrowType {
  return type === 'f16' || type === 'bf16';
}

/** What buffers of a target hold for elements of a type; see {@link TargetLimits.narrow}. */
export function heldAs(type: StorageType, { narrow }: Pick<TargetLimits, 'narrow'>): StorageType {
  return isNarrow(type) && !narrow.includes(type) ? 'f32' : type;
}

/** Bytes of an element of a stored value on a target. */
export function elementBytes(storage: Storage, limits: Pick<TargetLimits, 'narrow'>): 2 | 4 {
  return ELEMENT_BYTES[heldAs(CELL[storage], limits)];
}

/** Where arrays of workgroup memory may have to begin. */
const SHARED_ALIGNMENT = 16;

/** Bytes that arrays of workgroup memory take together, each at an aligned place. */
export function sharedBytes(arrays: readonly SharedArray[]): number {
  const own = arrays.filter(({ over }) => over === undefined);
  const aligned = (bytes: number): number => Math.ceil(bytes / SHARED_ALIGNMENT) * SHARED_ALIGNMENT;
  return own.reduce((sum, { type, elements }) => sum + aligned(ELEMENT_BYTES[type] * elements), 0);
}
