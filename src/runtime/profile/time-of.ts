import type { LoadedPlan } from '../../backends/device.ts';
import { median, timed } from './timed.ts';

/** How long one measurement takes at least. */
const ROUND_MS = 20;
const MOST_RUNS = 1000;

/** Of one run, in ms. Each is a submit of its own, which a step has only a few of: what that costs is a part of it. */
export async function timeOf(loaded: LoadedPlan, rounds: number, run: () => void): Promise<number> {
  const runs = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i += 1) run();
    await loaded.finish();
  };
  await runs(1);
  const once = await timed(1, () => runs(1));
  const count = Math.min(MOST_RUNS, Math.max(1, Math.ceil(ROUND_MS / once)));
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) times.push((await timed(1, () => runs(count))) / count);
  return median(times);
}
