import type { CudaApi } from './api.ts';

const RING_BYTES = 4 << 20;
const ALIGNMENT = 256;

/** Memory of the host that the GPU reads by itself, through which small uploads go without waiting for queued work. */
export interface Staging {
  /** Queues a copy. False, and nothing is done, when the data is too large for the ring. */
  readonly upload: (to: bigint, data: Uint8Array) => boolean;
  readonly free: () => void;
}

/**
 * Pieces of a ring are used in turn. When it has gone round, what the first pieces held has to have been read: then, and only
 * then, it waits for the queue.
 */
export function makeStaging(
  api: CudaApi,
  stream: bigint,
  view: (pointer: bigint, bytes: number) => ArrayBuffer,
): Staging {
  const ring = api.handle('cuMemAllocHost_v2', [RING_BYTES]);
  const bytes = new Uint8Array(view(ring, RING_BYTES));
  let next = 0;
  return {
    upload(to, data) {
      if (data.length > RING_BYTES / 4) return false;
      if (next + data.length > RING_BYTES) {
        api.call('cuStreamSynchronize', [stream]);
        next = 0;
      }
      bytes.set(data, next);
      api.call('cuMemcpyHtoDAsync_v2', [to, ring + BigInt(next), data.length, stream]);
      next = Math.ceil((next + data.length) / ALIGNMENT) * ALIGNMENT;
      return true;
    },
    free: () => void api.attempt('cuMemFreeHost', ring),
  };
}
