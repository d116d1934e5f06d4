import type { CudaApi } from './api.ts';
import { EVENT_WITHOUT_TIME } from './events.ts';

const HALF_BYTES = 8 << 20;
const ALIGNMENT = 256;

/** Memory of the host that the GPU reads by itself, through which uploads go without waiting for queued work. */
export interface Staging {
  /** Queues a copy. False, and nothing is done, when the data is too large. */
  readonly upload: (to: bigint, data: Uint8Array) => boolean;
  readonly free: () => void;
}

/**
 * Pieces of a ring are used in turn. Its halves are filled one after the other: before one is begun anew, what was copied from it
 * has to have arrived, which is long ago unless the host is far ahead of the GPU.
 */
export function makeStaging(
  api: CudaApi,
  stream: bigint,
  view: (pointer: bigint, bytes: number) => ArrayBuffer,
): Staging {
  const ring = api.handle('cuMemAllocHost_v2', [2 * HALF_BYTES]);
  const bytes = new Uint8Array(view(ring, 2 * HALF_BYTES));
  const events = [0, 1].map(() => api.handle('cuEventCreate', [EVENT_WITHOUT_TIME]));
  const [first = 0n, second = 0n] = events;
  let half = 0;
  let used = 0;
  const turn = (): void => {
    api.call('cuEventRecord', [half === 0 ? first : second, stream]);
    half = 1 - half;
    used = 0;
    // An event that was never recorded has happened.
    api.call('cuEventSynchronize', [half === 0 ? first : second]);
  };
  return {
    upload(to, data) {
      if (data.length > HALF_BYTES) return false;
      if (used + data.length > HALF_BYTES) turn();
      const at = half * HALF_BYTES + used;
      bytes.set(data, at);
      api.call('cuMemcpyHtoDAsync_v2', [to, ring + BigInt(at), data.length, stream]);
      used = Math.ceil((used + data.length) / ALIGNMENT) * ALIGNMENT;
      return true;
    },
    free() {
      for (const event of events) api.attempt('cuEventDestroy_v2', event);
      api.attempt('cuMemFreeHost', ring);
    },
  };
}
