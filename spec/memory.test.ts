/** `memory` in a train block: less is kept for the backward pass, more is computed again, and all of it comes out the same. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { compileTarget } from '../src/backends/targets.ts';
import { EXIT } from '../src/compiler/diagnostics/diagnostic.ts';
import { compileText, PORTABLE_LIMITS } from './support/compile-text.ts';
import { runOnDevice } from './support/device-check.ts';
import { openTestDevices } from './support/devices.ts';
import { failsWith } from './support/failures.ts';
import { TINY_LLAMA, TINY_VOCAB } from './support/tiny-llama.ts';

const SETTINGS = ['train.batch=3', 'train.micro=3', 'depth=6'];
const whole = compileText(TINY_LLAMA, { set: SETTINGS });
const within = (memory: number) => compileText(TINY_LLAMA, { set: [...SETTINGS, `train.memory="${memory} B"`] });

test('a plan takes what it may, and no more', () => {
  const all = whole.plan.memory.plannedBytes;
  assert.equal(
    whole.notes.filter((note) => note.includes('again')),
    [],
  );
  assert.is(within(all).plan.memory.plannedBytes, all);
  const sizes = [0.9, 0.8, 0.7].map((share) => {
    const { plan, notes } = within(Math.floor(share * all));
    assert.ok(plan.memory.plannedBytes <= share * all, `${plan.memory.plannedBytes} of ${share * all}`);
    assert.match(notes.join('\n'), /to need less memory, backward loops do \d+ of \d+ .* again/);
    return plan.memory.plannedBytes;
  });
  assert.ok(new Set(sizes).size > 1, 'more is kept where there is room for it');
});

test('what cannot fit is refused', () => {
  const message = failsWith('memory-exceeded', EXIT.memory, () => within(100_000));
  assert.match(message, /needs \d+ KiB of device memory and train.memory allows 97.7 KiB/);
});

test('a device with too little memory is helped in the same way', () => {
  const memoryBytes = Math.floor(0.8 * whole.plan.memory.plannedBytes);
  const { plan } = compileText(TINY_LLAMA, { set: SETTINGS, limits: { ...PORTABLE_LIMITS, memoryBytes } });
  assert.ok(plan.memory.plannedBytes <= memoryBytes);
});

for (const { name, device } of await openTestDevices()) {
  test(`losses, gradients and weights on ${name} are the same to the bit`, async () => {
    const compiled = (set: readonly string[]) =>
      compileText(TINY_LLAMA, {
        set: [...SETTINGS, ...set],
        limits: device.limits,
        target: compileTarget(device.target),
      });
    const all = compiled([]);
    const expected = await runOnDevice(device, all, TINY_VOCAB);
    const bytes = all.plan.memory.plannedBytes;
    for (const share of [0.85, 0.7]) {
      const less = compiled([`train.memory="${Math.floor(share * bytes)} B"`]);
      assert.ok(less.plan.memory.plannedBytes < bytes);
      assert.equal(await runOnDevice(device, less, TINY_VOCAB), expected, `in ${share} of the memory`);
    }
  });
}

test.run();
