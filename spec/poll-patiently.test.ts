import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { pollPatiently } from '../src/backends/wgsl/poll-patiently.ts';

const test = suite('poll patiently');
pollPatiently();

/** The pauses, in ms, between the questions of code that asks again and again until `ms` have passed. */
function pausesIn(ms: number, made: (ask: () => void) => () => void): Promise<readonly number[]> {
  return new Promise((resolve) => {
    const start = performance.now();
    const times: number[] = [];
    const ask = made(() => {
      const time = performance.now() - start;
      times.push(time);
      if (time < ms) setImmediate(ask);
      else resolve(times.slice(1).map((t, i) => t - (times[i] ?? 0)));
    });
    setImmediate(ask);
  });
}

/** To its text, a bound function is native. */
const native = (ask: () => void): (() => void) => ask.bind(undefined);

test('native code that asks again and again leaves the core alone', async () => {
  const pauses = await pausesIn(100, native);
  assert.ok(pauses.length > 0, 'it asks until it is answered');
  const late = pauses.filter((_, i) => pauses.slice(0, i).reduce((sum, pause) => sum + pause, 0) > 2);
  assert.ok(late.length < 400, `${late.length} questions in 98 ms`);
});

test('functions of JavaScript go the usual way, with arguments, and can be taken back', async () => {
  const given = await new Promise<readonly number[]>((resolve) => {
    const taken = setImmediate(() => resolve([]));
    clearImmediate(taken);
    setImmediate((...numbers: number[]) => resolve(numbers), 1, 2);
  });
  assert.equal(given, [1, 2]);
  const pauses = await pausesIn(50, (ask) => ask);
  assert.ok(pauses.length > 100, `${pauses.length} turns`);
});

test.run();
