/**
 * The oracle cases in bf16 and f16: the distance from float64 is at most twice that of PyTorch in bf16 on the same case, whose figures
 * `oracle/torch_bf16.py` wrote. f16 has eight times as many steps between two numbers, and is held to an eighth of that.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readTensorFile } from '../src/runtime/weights-file.ts';
import { openTestDevices } from './support/devices.ts';
import { NARROW_TYPES } from './support/narrow.ts';
import { distance, oracleFile, tensorOf } from './support/oracle.ts';
import { runMain } from './support/run-cli.ts';
import { temporaryFolder } from './support/temporary.ts';

interface Figures {
  readonly loss: number;
  readonly logits: number;
  readonly gradients: Readonly<Record<string, number>>;
}

const torch: { readonly cases: Readonly<Record<string, Figures>> } = JSON.parse(
  readFileSync('spec/oracle/torch_bf16.json', 'utf8'),
);
const ALLOWED = { bf16: 2, f16: 2 / 8 } as const;
const folder = temporaryFolder();
const devices = (await openTestDevices()).map(({ name, device }) => {
  device.close();
  return name;
});

for (const [name, figures] of Object.entries(torch.cases)) {
  for (const device of devices) {
    for (const type of NARROW_TYPES) {
      test(`${name} in ${type} on ${device}`, async () => {
        const here = join('spec/oracle', name);
        const out = join(folder, `${name}-${type}-${device}.safetensors`);
        const [weights, batch] = ['weights', 'batch'].map((file) => join(here, `${file}.safetensors`));
        const { exit, err } = await runMain(
          ...['grad', join(here, 'model.tfm'), '--weights', `${weights}`, '--batch', `${batch}`, '--out', out],
          ...['--names', join(here, 'names.json'), '--device', device, '--set', `train.precision=${type}`],
        );
        assert.is(exit, 0, err);
        const found = readTensorFile(out);
        const expected = oracleFile(name, 'expected');
        const hold = (what: string, off: number, most: number): void => {
          const limit = ALLOWED[type] * most;
          assert.ok(off <= limit, `${what} is off by ${off}, more than ${limit}`);
        };
        const far = (tensor: string, floor = 0): number =>
          distance(tensorOf(found, tensor), tensorOf(expected, tensor), floor);
        hold('the loss', far('loss'), figures.loss);
        const logits = tensorOf(expected, 'logits');
        const scale = Math.max(...logits.map(Math.abs));
        const off = Math.max(...tensorOf(found, 'logits').map((v, i) => Math.abs(v - (logits[i] ?? 0)))) / scale;
        hold('a logit', off, figures.logits);
        const floor = 1e-4 * (tensorOf(expected, 'grad_norm')[0] ?? 0);
        const compared = Object.entries(figures.gradients);
        assert.is(compared.length, [...expected.tensors.keys()].filter((n) => n.startsWith('grad.')).length);
        for (const [weight, most] of compared) hold(`the gradient of ${weight}`, far(`grad.${weight}`, floor), most);
      });
    }
  }
}

test.run();
