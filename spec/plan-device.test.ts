/** Plans run on a device: loops with carried, sliced and stacked values, tables, and several micro-batches. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { interpret } from '../src/backends/reference/interpret.ts';
import { compileTarget } from '../src/backends/targets.ts';
import type { Graph, Weight } from '../src/compiler/ir/graph.ts';
import type { HostScalars } from '../src/compiler/ir/plan.ts';
import { floats } from '../src/compiler/ir/tensor-type.ts';
import { lowerContext } from '../src/compiler/lower/context.ts';
import { legalise } from '../src/compiler/lower/legalise.ts';
import { lowerRows } from '../src/compiler/lower/rows.ts';
import { makeBuilder } from '../src/compiler/ops/builder.ts';
import * as m from '../src/compiler/ops/make.ts';
import { autodiff } from '../src/compiler/passes/autodiff.ts';
import { fusePass } from '../src/compiler/passes/fuse/fuse.ts';
import { buildPlan } from '../src/compiler/plan/build-plan.ts';
import { invariant, present } from '../src/compiler/support/invariant.ts';
import { openTestDevices } from './support/devices.ts';
import { axis, hostOf, makeWeight, noise } from './support/gradient-check.ts';

const SCALARS: HostScalars = { step: 0, seed: 1, micro: 0, lr: 0.01, bias1: 0.1, bias2: 0.001 };
const devices = await openTestDevices();

const layer = axis('layer', 5);
const batch = axis('batch', 3);
const width = axis('width', 7);
const gain = makeWeight('gain', [width], layer);
const bias = makeWeight('bias', [width]);
const shared = makeWeight('shared', [width]);

/** x <- x + table[l] * tanh(x * gain[l] + shared) for each layer, then a mean of squares; a carried copy that never changes. */
function deepGraph(): { readonly graph: Graph; readonly weights: readonly Weight[] } {
  const b = makeBuilder();
  const x = m.add(b, b.input({ name: 'x', type: floats([batch, width]) }, { name: 'x' }), b.weight(bias), {
    name: 'start',
  });
  const common = b.weight(shared);
  const gains = b.weight(gain);
  const scale = m.table(b, layer, [1, 0.9, 0.8, 0.7, 0.6]);
  const loop = b.loop({
    axis: layer,
    carried: [
      { initial: x, name: 'x' },
      { initial: x, name: 'x0' },
    ],
  });
  const [now, first] = loop.carried;
  invariant(now !== undefined && first !== undefined, 'carried values');
  const inner = m.add(b, m.mul(b, now, loop.slice(gains, 'gain')), common);
  const step = m.mul(b, m.unary(b, 'tanh', inner), loop.slice(scale, 'scale'));
  const next = m.add(b, m.add(b, now, step), m.mul(b, first, m.scalar(b, 0.1)), { name: 'x' });
  const variance = m.sum(b, m.mul(b, next, next), [batch.id, width.id], { name: 'size' });
  const [final, , sizes] = loop.end([next, first], [variance]);
  invariant(final !== undefined && sizes !== undefined, 'results');
  const loss = m.mul(b, m.sum(b, m.mul(b, final, final), [batch.id, width.id]), m.scalar(b, 1 / 21));
  return {
    graph: b.finish([
      { name: 'loss', value: loss },
      { name: 'probe.size', value: sizes },
    ]),
    weights: [gain, bias, shared],
  };
}

for (const fuse of [true, false]) {
  for (const deviceClass of ['cpu', 'gpu'] as const) {
    for (const { name: on, device } of devices)
      test(`a loop gives what the reference gives: fuse ${fuse}, ${deviceClass}, on ${on}`, async () => {
        const { graph, weights } = deepGraph();
        const joint = autodiff.run(graph);
        const limits = { ...device.limits, deviceClass };
        const fused = fusePass({ fuse, limits }).run(joint);
        const context = lowerContext(fused, limits);
        const regions = fused.steps.flatMap((s) =>
          s.kind === 'region' ? [s.region] : s.body.flatMap((i) => (i.kind === 'region' ? [i.region] : [])),
        );
        const kernels = new Map(
          regions.map((r) => {
            invariant(r.kind === 'rows', 'rows only');
            return [r, legalise(lowerRows(context, r), limits)] as const;
          }),
        );
        const { plan, texts } = buildPlan({
          target: device.target,
          model: 'Deep',
          spec: 'deep.tfm',
          limits,
          accumulation: 1,
          weights,
          train: undefined,
          sources: [{ name: 'micro', fused, kernels, matmuls: new Map() }],
          emit: compileTarget(device.target).emit,
        });
        const host = hostOf(graph, { inputs: { x: [...noise('x', 21)] } });
        const loaded = await device.load(plan, texts, { poison: true });
        for (const place of plan.weights) {
          const values = present(host.weights.get(place.name.replace(/^\d\./, '') as never), place.name);
          const index = /^\d\./.test(place.name) ? Number(place.name[0]) : 0;
          loaded.write(`weights${place.part}`, place.offset, Float32Array.from(values.slice(index * 7, index * 7 + 7)));
        }
        const input = present(plan.programs.micro?.inputs[0], 'an input');
        loaded.write(input.address.segment, input.address.offset, Float32Array.from(noise('x', 21)));
        loaded.run('micro', SCALARS);
        loaded.run('micro', SCALARS);
        await loaded.checkGuards();
        const expected = interpret(joint, host);
        for (const output of present(plan.programs.micro, 'a program').outputs) {
          const { segment, offset, bytes } = output.address;
          const got = new Float32Array(await loaded.read(segment, offset, bytes));
          close(got, present(expected.get(output.name), output.name), output.name);
        }
        for (const place of plan.weights) {
          const id = place.name.replace(/^\d\./, '');
          const index = /^\d\./.test(place.name) ? Number(place.name[0]) : 0;
          const got = new Float32Array(await loaded.read(`gradients${place.part}`, place.offset, place.bytes));
          close(got, present(expected.get(`grad.${id}`), id).slice(index * 7, index * 7 + 7), place.name);
        }
        loaded.release();
      });
  }
}

function close(got: ArrayLike<number>, expected: ArrayLike<number>, name: string): void {
  assert.is(got.length, expected.length, name);
  for (let i = 0; i < got.length; i++) {
    const [a, b] = [got[i] ?? Number.NaN, expected[i] ?? Number.NaN];
    assert.ok(Math.abs(a - b) <= 1e-5 * (1 + Math.abs(b)), `${name}[${i}]: ${a} instead of ${b}`);
  }
}

test.after(() => {
  for (const { device } of devices) device.close();
});
test.run();
