import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { interpret } from '../src/backends/reference/interpret.ts';
import { openWebGpu } from '../src/backends/wgsl/device.ts';
import type { Kernel } from '../src/compiler/ir/kernel.ts';
import type { Address, Launch } from '../src/compiler/ir/plan.ts';
import { verifyKernel } from '../src/compiler/ir/verify-kernel.ts';
import { lowerContext } from '../src/compiler/lower/context.ts';
import { legalise } from '../src/compiler/lower/legalise.ts';
import { lowerRows } from '../src/compiler/lower/rows.ts';
import { foldGroups } from '../src/compiler/plan/flat-launch.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { assertClose } from './support/assert-close.ts';
import { type RowsCase, randomRows } from './support/random-rows.ts';
import { SCALARS, tinyPlan } from './support/tiny-plan.ts';

const device = await openWebGpu();

interface Placed {
  readonly rows: RowsCase;
  readonly kernel: Kernel;
  readonly addresses: readonly Address[];
}

/** Gives every buffer of every kernel a place of its own: what is read in one segment, what is written in the other. */
function place(kernels: readonly { readonly rows: RowsCase; readonly kernel: Kernel }[]): {
  readonly placed: readonly Placed[];
  readonly bytes: { readonly inputs: number; readonly outputs: number };
} {
  const bytes = { inputs: 0, outputs: 0 };
  const placed = kernels.map(({ rows, kernel }) => ({
    rows,
    kernel,
    addresses: kernel.buffers.map((buffer): Address => {
      const segment = buffer.access === 'read' ? 'inputs' : 'outputs';
      const offset = bytes[segment];
      const size = Math.ceil((4 * buffer.elements) / device.limits.offsetAlignment) * device.limits.offsetAlignment;
      bytes[segment] += size;
      return { segment, offset, bytes: 4 * buffer.elements };
    }),
  }));
  return { placed, bytes };
}

function inputOf({ fused, inputs }: RowsCase, holds: Kernel['buffers'][number]['holds']): Float64Array {
  const op = fused.graph.block.ops.find((o) => o.results.some((r) => r.id === holds));
  return present(op?.kind === 'input' ? inputs.get(op.attrs.name) : undefined, 'input');
}

test('random rows agree with the reference on this device, taken by invocation and by workgroup', async () => {
  const cases = Array.from({ length: 8 }, (_, i) => randomRows(i + 100));
  const kernels = cases.flatMap((rows) =>
    (['cpu', 'gpu'] as const).map((deviceClass) => {
      const limits = { ...device.limits, deviceClass };
      const kernel = legalise(lowerRows(lowerContext(rows.fused, limits), rows.region), limits);
      verifyKernel(kernel);
      return { rows, kernel: { ...kernel, name: `${kernel.name}_${deviceClass}` } };
    }),
  );
  const { placed, bytes } = place(kernels);
  const segments = (['inputs', 'outputs'] as const).map((name) => ({ name, role: name, bytes: bytes[name] }));
  const { plan, texts } = tinyPlan(segments, (table) => ({
    run: placed.map(({ kernel, addresses }): Launch => {
      const groups = foldGroups(kernel.groups, device.limits);
      return { kind: 'launch', kernel: table.add(kernel, []), addresses, groups };
    }),
  }));
  const loaded = await device.load(plan, texts, { poison: true });
  for (const { rows, kernel, addresses } of placed) {
    kernel.buffers.forEach((buffer, i) => {
      const { segment, offset } = present(addresses[i], 'address');
      if (segment !== 'inputs') return;
      const numbers = inputOf(rows, buffer.holds);
      loaded.write(segment, offset, buffer.type === 'f32' ? Float32Array.from(numbers) : Int32Array.from(numbers));
    });
  }
  loaded.run('run', SCALARS);
  await loaded.finish();
  await loaded.checkGuards();
  for (const { rows, kernel, addresses } of placed) {
    const expected = interpret(rows.fused.graph, {
      inputs: rows.inputs,
      weights: new Map(),
      runtime: { step: 0, lr: 0 },
      seed: 0,
      micro: 0,
    });
    for (const [i, root] of rows.region.roots.entries()) {
      const at = present(addresses[kernel.buffers.findIndex((buffer) => buffer.holds === root)], 'address of a root');
      const found = Float64Array.from(new Float32Array(await loaded.read(at.segment, at.offset, at.bytes)));
      assertClose(found, present(expected.get(`out${i}`), 'output'), 2e-5, `${kernel.name}.out${i}`);
    }
  }
  loaded.release();
  assert.is(placed.length, 16);
});

test.after(() => device.close());

test.run();
