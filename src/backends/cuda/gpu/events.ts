import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { type CallName, type CudaApi, NOT_READY } from './api.ts';

/** `CU_EVENT_DISABLE_TIMING`: an event that is only asked whether it has happened. */
export const EVENT_WITHOUT_TIME = 2;

/** How long a waiting host looks again and again whether the GPU is done, and how often it looks after that; in ms. */
const EAGER_MS = 20;
const POLL_MS = 1;

/**
 * Waits, while other work of the process goes on, until the GPU has done what an event or a stream stands for.
 *
 * @param asked How one asks for it; `sure` is the call that waits for it, which then returns at once.
 * @throws Failure `cuda-error`.
 */
export async function waitFor(
  api: CudaApi,
  handle: bigint,
  { asked, sure }: { readonly asked: CallName; readonly sure: CallName },
): Promise<void> {
  const begun = performance.now();
  while (api.attempt(asked, handle) === NOT_READY) {
    // A timer takes a millisecond at least, which is long beside a short step.
    if (performance.now() - begun < EAGER_MS) await nextTurn();
    else await delay(POLL_MS);
  }
  api.call(sure, [handle]);
}

export const STREAM = { asked: 'cuStreamQuery', sure: 'cuStreamSynchronize' } as const;
export const EVENT = { asked: 'cuEventQuery', sure: 'cuEventSynchronize' } as const;
