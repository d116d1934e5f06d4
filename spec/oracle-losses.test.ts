/** Losses of the oracle cases in bf16 are, over many batches, at most twice as far from float64 as PyTorch's in bf16; in f16 a quarter. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openTestDevices } from './support/devices.ts';
import { modesOf, ORACLE_CASES, PRECISIONS } from './support/oracle-errors.ts';
import { lossErrors, lossesBeyond } from './support/oracle-losses.ts';

const devices = await openTestDevices();

for (const { name: on, device } of devices)
  for (const [precision, { set, losses }] of Object.entries(PRECISIONS))
    for (const { words, library } of losses === undefined ? [] : modesOf(on, precision))
      for (const name of ORACLE_CASES)
        test(`${name} on ${on} in ${precision}${words}`, async () => {
          assert.equal(lossesBeyond(await lossErrors(name, device, set, library), losses ?? Number.NaN), []);
        });

test('what is off by more, or no number, is beyond the limit', () => {
  assert.equal(lossesBeyond({ found: 2, torch: 1 }, 2), []);
  assert.equal(lossesBeyond({ found: 3, torch: 1 }, 2), ['losses are off by 3 over many batches, more than 2']);
  assert.is(lossesBeyond({ found: Number.NaN, torch: 1 }, 2).length, 1);
});

test.after(() => {
  for (const { device } of devices) device.close();
});

test.run();
