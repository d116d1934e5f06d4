/**
 * The oracle cases through `tfm grad`: the float64 interpreter and the kernels against PyTorch's float64, in every precision, with products of a library
 * in the place of kernels too. In bf16 no
 * logit and no gradient is more than twice as far off as in PyTorch in bf16.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { present } from '../src/compiler/support/invariant.ts';
import { openTestDevices } from './support/devices.ts';
import {
  beyondLimits,
  modesOf,
  ORACLE_CASES,
  ORACLE_F32,
  type OracleLimits,
  oracleErrors,
  PRECISIONS,
} from './support/oracle-errors.ts';

const REFERENCE: OracleLimits = { loss: 1e-6, logits: 1e-6, gradients: () => 1e-6, grad_norm: 1e-6, losses: 1e-6 };

for (const name of ORACLE_CASES)
  test(`${name} on reference`, async () => {
    assert.equal(beyondLimits(await oracleErrors(name, 'reference'), REFERENCE), []);
  });

for (const { name: on, device } of await openTestDevices()) {
  device.close();
  for (const [precision, { set, limits }] of Object.entries(PRECISIONS))
    for (const { words, options } of modesOf(on, precision))
      for (const name of ORACLE_CASES)
        test(`${name} on ${on} in ${precision}${words}`, async () => {
          assert.equal(beyondLimits(await oracleErrors(name, on, set, options), limits(name)), []);
        });
}

test('what is off, or no number, or of an unknown weight, is beyond the limits', () => {
  const errors = { loss: 2e-5, grad_norm: 0, losses: 0, logits: Number.NaN, gradients: { a: 1, b: 0 } };
  assert.equal(beyondLimits(errors, ORACLE_F32), [
    'the loss is off by 0.00002, more than 0.00001',
    'a logit is off by NaN, more than 0.00005',
    'the gradient of a is off by 1, more than 0.0005',
    'gradients are off by 1000 of their limits on average',
  ]);
  const limits = present(PRECISIONS.bf16, 'bf16').limits('gpt2');
  assert.equal(beyondLimits({ ...errors, loss: 0, logits: 0, gradients: { 'no.such': 1e-9 } }, limits), [
    'the gradient of no.such is off by 1e-9, more than 0',
    'gradients are off by Infinity of their limits on average',
  ]);
});

test.run();
