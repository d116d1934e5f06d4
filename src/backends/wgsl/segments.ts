import { deviceFailure } from '../../compiler/diagnostics/device.ts';
import type { Segment } from '../../compiler/ir/plan.ts';
import { invariant, present } from '../../compiler/support/invariant.ts';
import type { MemoryRange } from '../shared/expand-program.ts';
import { GUARD_BYTES, GUARD_WORD, POISON_WORD } from '../shared/guard-words.ts';
import { USAGE } from './gpu.ts';
import { checked } from './opened-device.ts';

const CHUNK_BYTES = 1 << 20;

interface SegmentBuffer {
  readonly segment: Segment;
  readonly buffer: GPUBuffer;
  /** Where the segment begins in its buffer. */
  readonly start: number;
}

/** The segments of a plan as buffers of the device. */
export interface Segments {
  readonly allocatedBytes: number;
  /** The binding of a range. */
  readonly bind: (range: MemoryRange) => Required<GPUBufferBinding>;
  /** The buffer that holds a range, and where in it. */
  readonly place: (range: MemoryRange) => { readonly buffer: GPUBuffer; readonly offset: number };
  /** Fills the arena with NaN, in the order of the queue; only when guarded. */
  readonly poison: () => void;
  /** The guard bands: segment, side, and where its bytes are. */
  readonly guards: readonly Guard[];
  readonly destroy: () => void;
}

export interface Guard {
  readonly segment: string;
  readonly side: 'before' | 'after';
  readonly buffer: GPUBuffer;
  readonly offset: number;
}

/**
 * Allocates segments, filled with zeros.
 *
 * WebGPU holds every access within its binding, so a kernel cannot write beyond one. When guarded, a binding at the end of
 * its segment is made longer by the guard band after it: what would have been held back is then seen there.
 *
 * @throws Failure `device-memory`.
 */
export async function allocateSegments(gpu: GPUDevice, list: readonly Segment[], guarded: boolean): Promise<Segments> {
  const margin = guarded ? GUARD_BYTES : 0;
  const buffers = new Map<string, SegmentBuffer>();
  const destroy = (): void => {
    for (const { buffer } of buffers.values()) buffer.destroy();
  };
  for (const segment of list) {
    const usage = USAGE.storage | USAGE.copySource | USAGE.copyTarget;
    const size = segment.bytes + 2 * margin;
    const buffer = await checked(
      gpu,
      () => gpu.createBuffer({ label: segment.name, size, usage }),
      () => {
        destroy();
        return deviceFailure('device-memory', { what: `segment '${segment.name}'`, needs: segment.bytes });
      },
    );
    buffers.set(segment.name, { segment, buffer, start: margin });
  }
  const find = (name: string): SegmentBuffer => present(buffers.get(name), `segment ${name}`);
  const guards = guarded ? [...buffers.values()].flatMap(guardsOf) : [];
  for (const guard of guards) gpu.queue.writeBuffer(guard.buffer, guard.offset, filled(GUARD_BYTES, GUARD_WORD));

  return {
    allocatedBytes: list.reduce((sum, s) => sum + s.bytes + 2 * margin, 0),
    bind: ({ segment, offset, bytes }) => {
      const { buffer, start, segment: whole } = find(segment);
      invariant(offset + bytes <= whole.bytes, `a binding ends within segment ${segment}`);
      return { buffer, offset: start + offset, size: bytes + (offset + bytes === whole.bytes ? margin : 0) };
    },
    place: ({ segment, offset, bytes }) => {
      const { buffer, start, segment: whole } = find(segment);
      invariant(offset + bytes <= whole.bytes, `bytes ${offset} to ${offset + bytes} are in segment ${segment}`);
      return { buffer, offset: start + offset };
    },
    poison: () => {
      if (!guarded) return;
      for (const { segment, buffer, start } of buffers.values())
        if (segment.role === 'arena') fill(gpu, buffer, start, segment.bytes);
    },
    guards,
    destroy,
  };
}

function guardsOf({ segment, buffer, start }: SegmentBuffer): readonly Guard[] {
  return [
    { segment: segment.name, side: 'before', buffer, offset: 0 },
    { segment: segment.name, side: 'after', buffer, offset: start + segment.bytes },
  ];
}

function fill(gpu: GPUDevice, buffer: GPUBuffer, start: number, bytes: number): void {
  const chunk = filled(Math.min(bytes, CHUNK_BYTES), POISON_WORD);
  for (let done = 0; done < bytes; done += CHUNK_BYTES)
    gpu.queue.writeBuffer(buffer, start + done, chunk, 0, Math.min(CHUNK_BYTES, bytes - done) / 4);
}

function filled(bytes: number, word: number): Uint32Array<ArrayBuffer> {
  return new Uint32Array(bytes / 4).fill(word);
}
