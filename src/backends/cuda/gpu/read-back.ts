import type { CudaApi } from './api.ts';
import { EVENT, EVENT_WITHOUT_TIME, waitFor } from './events.ts';

const SLOT_BYTES = 64 * 1024;

/** Small reads that do not wait for what is queued after them. */
export interface ReadBack {
  /** What lies there when all that is queued now is done; undefined, and nothing is done, when it is too much. */
  readonly read: (from: bigint, bytes: number) => Promise<ArrayBuffer> | undefined;
  readonly free: () => void;
}

/** Memory of the host that the GPU writes, and the event that says when it has. */
interface Slot {
  readonly pointer: bigint;
  readonly bytes: Uint8Array;
  readonly written: bigint;
}

export function makeReadBack(
  api: CudaApi,
  stream: bigint,
  view: (pointer: bigint, bytes: number) => ArrayBuffer,
): ReadBack {
  const all: Slot[] = [];
  const unused: Slot[] = [];
  const makeSlot = (): Slot => {
    const pointer = api.handle('cuMemAllocHost_v2', [SLOT_BYTES]);
    const written = api.handle('cuEventCreate', [EVENT_WITHOUT_TIME]);
    const slot = { pointer, bytes: new Uint8Array(view(pointer, SLOT_BYTES)), written };
    all.push(slot);
    return slot;
  };
  return {
    read(from, bytes) {
      if (bytes > SLOT_BYTES) return undefined;
      const slot = unused.pop() ?? makeSlot();
      // Queued now, and not when somebody waits for it.
      api.call('cuMemcpyDtoHAsync_v2', [slot.pointer, from, bytes, stream]);
      api.call('cuEventRecord', [slot.written, stream]);
      return waitFor(api, slot.written, EVENT).then(() => {
        const read = slot.bytes.slice(0, bytes).buffer as ArrayBuffer;
        unused.push(slot);
        return read;
      });
    },
    free() {
      for (const { pointer, written } of all) {
        api.attempt('cuEventDestroy_v2', written);
        api.attempt('cuMemFreeHost', pointer);
      }
    },
  };
}
