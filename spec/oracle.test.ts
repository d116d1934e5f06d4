/** The oracle cases through `tfm grad`: the float64 interpreter and the kernels against PyTorch's float64. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openTestDevices } from './support/devices.ts';
import { beyondLimits, ORACLE_CASES, ORACLE_F32, oracleErrors } from './support/oracle-errors.ts';

/** Largest distances, relative. */
const LIMITS = {
  reference: { loss: 1e-6, logits: 1e-6, gradients: 1e-6, losses: 1e-6 },
  wgsl: ORACLE_F32,
  cuda: ORACLE_F32,
  'cuda-cpu': ORACLE_F32,
} as const;

const DEVICES = [
  'reference',
  ...(await openTestDevices()).map(({ name, device }) => {
    device.close();
    return name;
  }),
] as const;

for (const name of ORACLE_CASES) {
  for (const device of DEVICES) {
    test(`${name} on ${device}`, async () => {
      assert.equal(beyondLimits(await oracleErrors(name, device), LIMITS[device]), []);
    });
  }
}

test('what is off, or no number, is beyond the limits', () => {
  const errors = { loss: 2e-5, grad_norm: 0, losses: 0, logits: Number.NaN, gradients: 1, worst: 'grad.w' };
  assert.equal(beyondLimits(errors, ORACLE_F32), [
    'loss is off by 0.00002',
    'logits is off by NaN',
    'grad.w is off by 1',
  ]);
});

test.run();
