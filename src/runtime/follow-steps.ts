import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LoadedPlan } from '../backends/device.ts';
import { historyLength, readNumbers, type StepNumbers } from './run-step.ts';

/** How long the numbers of a step may be under way while others are queued behind it. */
const PATIENCE_MS = 100;

/** A step that was done, counted from 1. */
export interface FinishedStep extends StepNumbers {
  readonly step: number;
  /** Wall clock; of several that were read together, the mean. */
  readonly seconds: number;
}

export interface StepFollower {
  /** Lets a step be queued; gives the numbers of those that have come meanwhile, oldest first. */
  readonly step: (queue: () => void | Promise<void>) => Promise<readonly FinishedStep[]>;
  /** Waits for the numbers of all that were queued. */
  readonly rest: () => Promise<readonly FinishedStep[]>;
}

/**
 * Keeps a device at work: while the numbers of some steps are read, the next ones are queued, one of a slow device, and as many
 * of a fast one as take a tenth of a second. Each step's numbers come, in order, and later than the step.
 *
 * @param done Steps done before.
 */
export function followSteps(loaded: LoadedPlan, done: number): StepFollower {
  const most = Math.floor(historyLength(loaded) / 2);
  let queued = done;
  /** Steps whose numbers were asked for. */
  let asked = done;
  let reading: Promise<readonly FinishedStep[]> | undefined;
  let hasCome = false;
  let since = 0;
  let ahead = 1;

  const ask = (): void => {
    const first = asked;
    asked = queued;
    hasCome = false;
    reading = readNumbers(loaded, asked, asked - first).then((numbers) => {
      const now = performance.now();
      const seconds = (now - since) / 1000 / numbers.length;
      since = now;
      hasCome = true;
      ahead = Math.min(most, Math.max(1, Math.floor(PATIENCE_MS / 1000 / seconds)));
      return numbers.map((one, k) => ({ ...one, step: first + k + 1, seconds }));
    });
    // It is waited for later.
    reading.catch(() => {});
  };
  const take = async (): Promise<readonly FinishedStep[]> => {
    const read = (await reading) ?? [];
    reading = undefined;
    return read;
  };
  return {
    async step(queue) {
      if (!reading && asked === queued) since = performance.now();
      await queue();
      queued += 1;
      // Signals are heard, and what has come is noticed.
      await nextTurn();
      const arrived = hasCome || queued - asked >= ahead ? await take() : [];
      if (!reading) ask();
      return arrived;
    },
    async rest() {
      const read = await take();
      if (asked === queued) return read;
      ask();
      return [...read, ...(await take())];
    },
  };
}
