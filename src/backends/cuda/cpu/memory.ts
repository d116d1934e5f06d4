import { invariant } from '../../../compiler/support/invariant.ts';
import type { CudaDriver, DevicePointer } from '../driver.ts';
import { OFFSET_ALIGNMENT } from '../limits.ts';

export interface CpuMemory extends Pick<CudaDriver, 'allocate' | 'free' | 'close'> {
  /** The bytes at an address. They must lie in one piece of memory, as on a GPU. */
  readonly bytes: (pointer: DevicePointer, count: number) => Uint8Array<ArrayBuffer>;
}

interface Piece {
  readonly first: DevicePointer;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Memory of the process, handed out by address. */
export function makeMemory(addressOf: (bytes: Uint8Array) => bigint): CpuMemory {
  const pieces = new Map<DevicePointer, Piece>();
  const find = (pointer: DevicePointer, count: number): Piece | undefined => {
    const exact = pieces.get(pointer);
    if (exact) return exact;
    for (const piece of pieces.values()) {
      const end = piece.first + BigInt(piece.bytes.length);
      if (piece.first <= pointer && pointer + BigInt(count) <= end) return piece;
    }
    return undefined;
  };
  return {
    allocate(count) {
      const buffer = allocated(count + OFFSET_ALIGNMENT);
      if (!buffer) return undefined;
      const whole = new Uint8Array(buffer);
      const alignment = BigInt(OFFSET_ALIGNMENT);
      const skipped = Number((alignment - (addressOf(whole) % alignment)) % alignment);
      const first = addressOf(whole) + BigInt(skipped);
      pieces.set(first, { first, bytes: whole.subarray(skipped, skipped + count) });
      return first;
    },
    free: (pointer) => void pieces.delete(pointer),
    bytes(pointer, count) {
      const piece = find(pointer, count);
      const offset = piece && Number(pointer - piece.first);
      invariant(piece && offset !== undefined && offset + count <= piece.bytes.length, 'an address in memory');
      return piece.bytes.subarray(offset, offset + count);
    },
    close: () => pieces.clear(),
  };
}

/** Filled with zeros; undefined where there is not enough. */
function allocated(bytes: number): ArrayBuffer | undefined {
  try {
    return new ArrayBuffer(bytes);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
