/**
 * Random models, as users write them, on every device against the float64 interpreter, in poisoned memory: fused, and by
 * turns not fused, in micro-batches, and at WebGPU's minimum limits. TFM_SPECS=200 runs more of them.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../src/backends/device.ts';
import { compileTarget } from '../src/backends/targets.ts';
import type { Compiled } from '../src/compiler/compile-request.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { compileText } from './support/compile-text.ts';
import {
  assertAgrees,
  norm,
  type Outcome,
  runOnDevice,
  runReference,
  SCALARS,
  testWeight,
} from './support/device-check.ts';
import { openTestDevices, openTestWebGpu } from './support/devices.ts';
import { randomSpec } from './support/random-spec.ts';

const COUNT = Number(process.env.TFM_SPECS ?? 6);
const devices = await openTestDevices();
const minimal = await openTestWebGpu({ minimumLimits: true });

for (let seed = 1; seed <= COUNT; seed++) {
  const { text, vocab } = randomSpec(seed);
  for (const { name, device } of devices)
    test(`random spec ${seed} on ${name}`, async () => {
      const compileFor = (on: Device, options: Parameters<typeof compileText>[1] = {}): Compiled =>
        compileText(text, { limits: on.limits, target: compileTarget(on.target), ...options });
      const run = (options: Parameters<typeof compileText>[1], on = device): Promise<Outcome> =>
        runOnDevice(on, compileFor(on, options), vocab);
      const whole = compileFor(device);
      const expected = runReference(present(whole.graphs.micro, 'a graph'), vocab);
      const fused = await runOnDevice(device, whole, vocab);
      try {
        assertAgrees(fused, expected, 'fused');
        // Compiling shaders takes most of the time, so each spec tries one other way.
        if (seed % 3 === 0) assertAgrees(await run({ fuse: false }), expected, 'not fused');
        if (seed % 3 === 1) {
          const cut = await run({ set: ['train.micro=1'] });
          assertAgrees(cut, expected, 'in micro-batches');
          assert.ok(Math.abs(cut.gradNorm - fused.gradNorm) <= 1e-4 * fused.gradNorm, 'the norm of all gradients');
        }
        if (seed % 3 === 2 && name === 'wgsl' && minimal)
          assertAgrees(await run({}, minimal), expected, "with WebGPU's minimum limits");
      } catch (error) {
        if (error instanceof Error) error.message = `${error.message}\n${text}`;
        throw error;
      }
      checkUpdate(fused, whole);
    });
}

/** The norm that the device reports, and one step of Adam from moments of zero, in float64. */
function checkUpdate({ gradients, gradNorm, updated }: Outcome, { plan, train }: Compiled): void {
  const total = Math.sqrt([...gradients.values()].reduce((s, g) => s + norm(g) ** 2, 0));
  assert.ok(Math.abs(total - gradNorm) <= 1e-5 * total, `norm ${gradNorm} instead of ${total}`);
  const { optimizer, clip } = present(train, 'a train block');
  const factor = clip !== undefined && total > clip ? clip / total : 1;
  for (const place of plan.weights) {
    const after = present(updated.get(place.name), place.name);
    const gradient = present(gradients.get(place.name), place.name);
    const own = norm(gradient) * factor;
    const scale = place.clip !== undefined && own > place.clip ? (factor * place.clip) / own : factor;
    testWeight(place.name, after.length).forEach((before, i) => {
      const g = scale * (gradient[i] ?? Number.NaN);
      const rate = SCALARS.lr * place.lr;
      const kept = before * (1 - rate * optimizer.decay * place.decay);
      const expected = kept - (rate * g) / (Math.abs(g) + optimizer.eps * place.eps);
      const off = Math.abs((after[i] ?? Number.NaN) - expected);
      // What is nearly zero moves by a step of either sign, or by less.
      assert.ok(
        off <= (Math.abs(g) < 1e-6 ? 2.1 * rate : 1e-5),
        `${place.name}[${i}] becomes ${after[i]}, not ${expected}`,
      );
    });
  }
}

test.after(() => {
  for (const { device } of devices) device.close();
  minimal?.close();
});
test.run();
