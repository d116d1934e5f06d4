/** Runs the kernels of a fused graph without loops through a device, each value in a segment of its own. */
import type { Device } from '../../src/backends/device.ts';
import type { ValueId } from '../../src/compiler/ir/graph.ts';
import type { Segment } from '../../src/compiler/ir/plan.ts';
import { elementsOf } from '../../src/compiler/ir/tensor-type.ts';
import { invariant, present } from '../../src/compiler/support/invariant.ts';
import { cellsOf, type Difference, inputValues, type Prepared, relativeError } from './run-fused.ts';
import { SCALARS, tinyPlan } from './tiny-plan.ts';

/** How far the outputs are from those of the reference. What no kernel writes is NaN. */
export async function runPrepared(
  device: Device,
  { context, kernels, inputs, expected }: Prepared,
): Promise<readonly Difference[]> {
  const segments = new Map<ValueId, Segment>();
  const segmentOf = (id: ValueId): Segment => {
    const holds = context.memoryOf(id);
    const bytes = 4 * elementsOf(context.value(holds).type.axes);
    const segment = segments.get(holds) ?? {
      name: `value${holds}`,
      role: 'inputs',
      bytes: Math.ceil(bytes / 256) * 256,
    };
    segments.set(holds, segment);
    return segment;
  };
  for (const kernel of kernels)
    for (const { holds } of kernel.buffers) {
      invariant(typeof holds !== 'string', 'a buffer holds a value');
      segmentOf(holds);
    }
  const { plan, texts } = tinyPlan(
    [...segments.values()],
    (table) => ({
      run: kernels.map((kernel) => ({
        kind: 'launch',
        kernel: table.add(kernel, []),
        addresses: kernel.buffers.map(({ holds, elements }) => {
          invariant(typeof holds !== 'string', 'a buffer holds a value');
          return { segment: segmentOf(holds).name, offset: 0, bytes: 4 * elements };
        }),
        groups: [kernel.groups, 1, 1],
      })),
    }),
    device.target,
  );
  const loaded = await device.load(plan, texts);
  try {
    for (const { name, bytes } of segments.values())
      loaded.write(name, 0, new Float32Array(bytes / 4).fill(Number.NaN));
    for (const { id, name } of inputValues(context))
      if (segments.has(context.memoryOf(id)))
        loaded.write(segmentOf(id).name, 0, cellsOf(context, id, present(inputs.get(name), name)));
    loaded.run('run', SCALARS);
    const results: Difference[] = [];
    for (const { name, value } of context.fused.graph.outputs) {
      const reference = present(expected.get(name), name);
      const data = new Float32Array(await loaded.read(segmentOf(value).name, 0, 4 * reference.length));
      results.push({ output: name, relative: relativeError(reference, data) });
    }
    return results;
  } finally {
    loaded.release();
  }
}
