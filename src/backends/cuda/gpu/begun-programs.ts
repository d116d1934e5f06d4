import type { CudaApi } from './api.ts';

/** What can be told apart; programs beyond have no number. */
const MOST_PROGRAMS = 1024;
const NUMBER_BYTES = 4;
const NONE = 0xffffffff;

/** Which program the GPU began last: known also when an error has ended all use of it. */
export interface BegunPrograms {
  /** Queues the note that a program begins. */
  readonly note: (name: string) => void;
  /** As it was named; undefined before the first. */
  readonly last: () => string | undefined;
  readonly free: () => void;
}

/**
 * Before its first step a program copies its number, which lies in memory of the GPU, to memory of the host, where it stays. One
 * copy of four bytes for a program costs nothing beside its kernels; one for each kernel would.
 */
export function makeBegunPrograms(
  api: CudaApi,
  stream: bigint,
  view: (pointer: bigint, bytes: number) => ArrayBuffer,
): BegunPrograms {
  const bytes = NUMBER_BYTES * MOST_PROGRAMS;
  const noted = api.handle('cuMemAllocHost_v2', [bytes]);
  const number = new Uint32Array(view(noted, bytes));
  const numbers = api.handle('cuMemAlloc_v2', [bytes]);
  for (let k = 0; k < MOST_PROGRAMS; k++) number[k] = k;
  api.call('cuMemcpyHtoDAsync_v2', [numbers, noted, bytes, stream]);
  api.call('cuStreamSynchronize', [stream]);
  number[0] = NONE;
  const names: string[] = [];
  return {
    note(name) {
      const known = names.indexOf(name);
      const k = known >= 0 ? known : names.push(name) - 1;
      if (k < MOST_PROGRAMS)
        api.call('cuMemcpyDtoHAsync_v2', [noted, numbers + BigInt(NUMBER_BYTES * k), NUMBER_BYTES, stream]);
    },
    last: () => names[number[0] ?? NONE],
    free() {
      api.attempt('cuMemFree_v2', numbers);
      api.attempt('cuMemFreeHost', noted);
    },
  };
}
