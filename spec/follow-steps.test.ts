/** The numbers of steps: all come, in order, later than their steps, and a device is not given more than it can soon do. */
import { setTimeout as wait } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { LoadedPlan } from '../src/backends/device.ts';
import { type FinishedStep, followSteps } from '../src/runtime/follow-steps.ts';
import { updateRun } from '../src/runtime/run-step.ts';
import { CONFIG } from './support/bigram-job.ts';
import { loadFakePlan } from './support/fake-plan.ts';
import { SCALARS } from './support/tiny-plan.ts';

/** Steps on a device whose answers take some time: the numbers, and how many steps were queued and had not answered. */
async function follow(steps: number, answerMs: number, done = 0) {
  const base = loadFakePlan({ vocab: 4, time: 2, rows: 1, accumulation: 1, optimizer: CONFIG.optimizer });
  let queued = done;
  let answered = done;
  let reads = 0;
  const open: number[] = [];
  const loaded: LoadedPlan = {
    ...base,
    read: async (...range) => {
      reads += 1;
      const [bytes, now] = [await base.read(...range), queued];
      await wait(answerMs);
      answered = now;
      return bytes;
    },
  };
  const follower = followSteps(loaded, done);
  const finished: FinishedStep[] = [];
  for (let step = done; step < done + steps; step += 1) {
    const some = await follower.step(() => {
      loaded.runAll([updateRun({ ...SCALARS, step })]);
      queued += 1;
      open.push(queued - answered);
    });
    finished.push(...some);
  }
  finished.push(...(await follower.rest()));
  return { finished, mostOpen: Math.max(...open), reads };
}

const numbersOf = (finished: readonly FinishedStep[]): readonly number[] => finished.map(({ step }) => step);

test('a slow device has one step before it beside the one that it does', async () => {
  const { finished, mostOpen, reads } = await follow(5, 60);
  assert.equal(numbersOf(finished), [1, 2, 3, 4, 5]);
  assert.is(mostOpen, 2);
  assert.is(reads, 5);
  for (const { seconds, outcome } of finished) assert.ok(outcome === 'applied' && seconds > 0.04, `${seconds}`);
});

test('a fast device is read rarely, and never forgets a step', async () => {
  const { finished, mostOpen, reads } = await follow(1000, 2, 7);
  assert.equal(
    numbersOf(finished),
    Array.from({ length: 1000 }, (_, k) => 8 + k),
  );
  assert.ok(mostOpen <= 64, `${mostOpen}`);
  assert.ok(reads < 400, `${reads}`);
});

test('nothing is asked for where there is nothing new', async () => {
  const { finished, reads } = await follow(0, 1);
  assert.equal([finished.length, reads], [0, 0]);
});

test.run();
