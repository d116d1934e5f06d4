import { deviceFailure } from '../../compiler/diagnostics/device.ts';
import type { Segment } from '../../compiler/ir/plan.ts';
import { invariant, present } from '../../compiler/support/invariant.ts';
import type { MemoryRange } from '../shared/expand-program.ts';
import { brokenByte, GUARD_BYTES, GUARD_WORD, POISON_WORD } from '../shared/guard-words.ts';
import type { CudaDriver, DevicePointer } from './driver.ts';

/** The segments of a plan in device memory. */
export interface Segments {
  readonly allocatedBytes: number;
  readonly pointerTo: (range: MemoryRange) => DevicePointer;
  /** Fills the arena with NaN; only when guarded. */
  readonly poison: () => void;
  /** The segment, side and byte of the first guard band that was written; only when guarded. */
  readonly brokenGuard: () => Promise<BrokenGuard | undefined>;
  readonly free: () => void;
}

export interface BrokenGuard {
  readonly segment: string;
  readonly side: 'before' | 'after';
  readonly byte: number;
}

interface Placed {
  readonly segment: Segment;
  readonly whole: DevicePointer;
  /** Where the segment begins, behind the guard band. */
  readonly start: DevicePointer;
}

/**
 * Allocates segments, filled with zeros, between guard bands when guarded.
 *
 * @throws Failure `device-memory`.
 */
export function allocateSegments(driver: CudaDriver, list: readonly Segment[], guarded: boolean): Segments {
  const margin = guarded ? GUARD_BYTES : 0;
  const placed = new Map<string, Placed>();
  const free = (): void => {
    for (const { whole } of placed.values()) driver.free(whole);
  };
  for (const segment of list) {
    const whole = driver.allocate(segment.bytes + 2 * margin);
    if (whole === undefined) {
      free();
      throw deviceFailure('device-memory', { what: `segment '${segment.name}'`, needs: segment.bytes });
    }
    placed.set(segment.name, { segment, whole, start: whole + BigInt(margin) });
  }
  const guards = guarded ? [...placed.values()].flatMap(guardsOf) : [];
  for (const { pointer } of guards) driver.fill(pointer, GUARD_WORD, GUARD_BYTES / 4);
  return {
    allocatedBytes: list.reduce((sum, s) => sum + s.bytes + 2 * margin, 0),
    pointerTo: ({ segment, offset, bytes }) => {
      const { start, segment: whole } = present(placed.get(segment), `segment ${segment}`);
      invariant(offset + bytes <= whole.bytes, `bytes ${offset} to ${offset + bytes} are in segment ${segment}`);
      return start + BigInt(offset);
    },
    poison: () => {
      if (!guarded) return;
      for (const { segment, start } of placed.values())
        if (segment.role === 'arena') driver.fill(start, POISON_WORD, segment.bytes / 4);
    },
    async brokenGuard() {
      for (const { segment, side, pointer } of guards) {
        const byte = brokenByte(await driver.download(pointer, GUARD_BYTES));
        if (byte !== undefined) return { segment, side, byte };
      }
      return undefined;
    },
    free,
  };
}

function guardsOf({ segment, whole, start }: Placed) {
  return [
    { segment: segment.name, side: 'before', pointer: whole },
    { segment: segment.name, side: 'after', pointer: start + BigInt(segment.bytes) },
  ] as const;
}
