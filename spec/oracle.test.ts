/** The oracle cases through `tfm grad`: the float64 interpreter and the kernels against PyTorch's float64. */
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readTensorFile } from '../src/runtime/weights-file.ts';
import { openTestDevices } from './support/devices.ts';
import { distance, oracleFile, tensorOf } from './support/oracle.ts';
import { runMain } from './support/run-cli.ts';
import { temporaryFolder } from './support/temporary.ts';

const CASES = ['preln', 'lns', 'postln', 'deepnorm', 'gpt2'] as const;

const F32 = { loss: 1e-5, logits: 5e-5, gradients: 5e-4, losses: 1e-4 } as const;

/** Largest distances, relative. */
const LIMITS = {
  reference: { loss: 1e-6, logits: 1e-6, gradients: 1e-6, losses: 1e-6 },
  wgsl: F32,
  cuda: F32,
  'cuda-cpu': F32,
} as const;

const DEVICES = [
  'reference',
  ...(await openTestDevices()).map(({ name, device }) => {
    device.close();
    return name;
  }),
] as const;

const folder = temporaryFolder();

for (const name of CASES) {
  for (const device of DEVICES) {
    test(`${name} on ${device}`, async () => {
      const here = join('spec/oracle', name);
      const out = join(folder, `${name}-${device}.safetensors`);
      const [weights, batch] = ['weights', 'batch'].map((file) => join(here, `${file}.safetensors`));
      const { exit, err } = await runMain(
        ...['grad', join(here, 'model.tfm'), '--weights', `${weights}`, '--batch', `${batch}`, '--out', out],
        ...['--names', join(here, 'names.json'), '--steps', '10', '--device', device],
      );
      assert.is(exit, 0, err);
      const found = readTensorFile(out);
      const expected = oracleFile(name, 'expected');
      const diagnostics = ['block_variance', 'angular'];
      assert.equal(
        [...found.tensors.keys()].sort(),
        [...expected.tensors.keys()].filter((n) => !diagnostics.includes(n)).sort(),
      );
      const limits = LIMITS[device];
      const far = (tensor: string, floor = 0): number =>
        distance(tensorOf(found, tensor), tensorOf(expected, tensor), floor);
      assert.ok(far('loss') <= limits.loss, `loss ${far('loss')}`);
      assert.ok(far('grad_norm') <= limits.gradients, `grad_norm ${far('grad_norm')}`);
      assert.ok(largest(tensorOf(found, 'losses'), tensorOf(expected, 'losses')) <= limits.losses, 'losses');
      const logits = tensorOf(expected, 'logits');
      const scale = Math.max(...logits.map(Math.abs));
      const off = Math.max(...tensorOf(found, 'logits').map((v, i) => Math.abs(v - (logits[i] ?? 0)))) / scale;
      assert.ok(off <= limits.logits, `logits ${off}`);
      const floor = 1e-4 * (tensorOf(expected, 'grad_norm')[0] ?? 0);
      for (const tensor of expected.tensors.keys()) {
        if (!tensor.startsWith('grad.')) continue;
        assert.equal(found.tensors.get(tensor)?.shape, expected.tensors.get(tensor)?.shape);
        assert.ok(far(tensor, floor) <= limits.gradients, `${tensor} ${far(tensor, floor)}`);
      }
    });
  }
}

/** The largest relative difference of two series. */
function largest(found: Float64Array, expected: Float64Array): number {
  return Math.max(...found.map((v, i) => Math.abs(v / (expected[i] ?? Number.NaN) - 1)));
}

test.run();
