/** Loss, gradients and three optimizer steps of the kernels of every example and of the gallery, at a small size, against the float64 interpreter. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { compileTarget } from '../src/backends/targets.ts';
import { referenceGraph } from '../src/compiler/reference-graph.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { computeGradients } from '../src/runtime/grad.ts';
import { referenceGradients } from '../src/runtime/reference-grad.ts';
import type { TensorFile } from '../src/runtime/safetensors.ts';
import { compileText } from './support/compile-text.ts';
import { openTestDevices } from './support/devices.ts';
import { EXAMPLES, GALLERY, smallSizes, textOf } from './support/gallery.ts';
import { get, gradJob, norm } from './support/grad-job.ts';

const STEPS = 3;
const devices = await openTestDevices();

function assertNear(found: TensorFile, expected: TensorFile, name: string, limit: number, floor = 1e-12): void {
  const [a, b] = [get(found, name), get(expected, name)];
  assert.is(a.length, b.length, name);
  const error = norm(a.map((v, i) => v - (b[i] ?? Number.NaN))) / Math.max(norm(b), floor);
  assert.ok(error <= limit, `${name} is off by ${error}`);
}

for (const { name: on, device } of devices) {
  for (const file of [...EXAMPLES, ...GALLERY]) {
    test(`${file}: its kernels on ${on} against the interpreter`, async () => {
      const text = textOf(file);
      const compiled = compileText(text, {
        set: smallSizes(text),
        purposes: ['train', 'logits'],
        limits: device.limits,
        target: compileTarget(device.target),
      });
      const job = gradJob(compiled, STEPS);
      const micro = referenceGraph(present(compiled.graphs.micro, 'the graph of a batch'));
      const { logits, after } = compiled.graphs;
      const expected = referenceGradients({ ...job, micro, logits, after });
      const loaded = await device.load(compiled.plan, compiled.texts, { poison: true });
      const found = await computeGradients({ ...job, loaded, lost: device.lost });
      await loaded.checkGuards();
      loaded.release();
      assertNear(found, expected, 'loss', 1e-5);
      assertNear(found, expected, 'logits', 5e-5);
      const floor = 1e-4 * norm(get(expected, 'grad_norm'));
      for (const name of expected.tensors.keys())
        if (name.startsWith('grad.')) assertNear(found, expected, name, 5e-4, floor);
      assert.is(get(found, 'losses').length, STEPS);
      assertNear(found, expected, 'losses', 1e-4);
    });
  }

  test.after(() => device.close());
}

test.run();
