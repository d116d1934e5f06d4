/** Plans run on every device: addresses, loops, uniforms, memory and guard bands. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openCuda } from '../src/backends/cuda/device.ts';
import { findProgram } from '../src/backends/cuda/find-program.ts';
import { add, f32, u32 } from '../src/compiler/ir/kernel-expr.ts';
import { uniformBytes } from '../src/compiler/ir/plan.ts';
import { openTestDevices, type TestDevice } from './support/devices.ts';
import { rejectsWithCode } from './support/failures.ts';
import { useFakeCuda } from './support/fake-cuda.ts';
import { at, copy, expected, inputs, layers, once, SLOT, segment, WIDTH, weights } from './support/layers-plan.ts';
import { eachElement, element, SCALARS, store, tinyPlan } from './support/tiny-plan.ts';

const devices: (Omit<TestDevice, 'name'> & { readonly name: string })[] = [...(await openTestDevices())];
// The stand-ins would take the compiler's place for a real GPU too.
if (findProgram('g++') !== undefined && devices.every(({ name }) => name !== 'cuda')) {
  useFakeCuda();
  devices.push({ name: 'cuda on stand-ins', device: await openCuda() });
}

for (const { name, device } of devices) {
  for (const poison of [false, true]) {
    for (const reverse of [false, true]) {
      test(`${name}: a loop ${reverse ? 'down' : 'up'} moves its addresses and rows${poison ? ', in poisoned memory' : ''}`, async () => {
        const { plan, texts } = layers(reverse, device.target);
        const loaded = await device.load(plan, texts, { poison });
        weights.forEach((w, l) => {
          loaded.write('weights0', l * SLOT, w);
        });
        loaded.write('inputs', 0, inputs);
        const order = reverse ? [4, 3, 2, 1, 0] : [0, 1, 2, 3, 4];
        for (const step of [0, 3]) {
          loaded.run('forward', { ...SCALARS, step });
          const read = new Float32Array(await loaded.read('outputs', 0, WIDTH * 4));
          assert.equal([...read], [...expected(step, order)]);
        }
        loaded.run('wipe', SCALARS);
        assert.equal([...new Float32Array(await loaded.read('outputs', 0, 8))], [0, 0]);
        await loaded.finish();
        await loaded.checkGuards();
        loaded.release();
      });
    }
  }

  test(`${name}: what is allocated is the segments and the uniforms`, async () => {
    const { plan, texts } = layers(false, device.target);
    const loaded = await device.load(plan, texts);
    // On CUDA the rows of uniforms are arguments of the launches, and the host's scalars lie where the inputs of a run do.
    const uniforms = device.target === 'cuda' ? uniformBytes(plan.uniformRows.length, 256) : 0;
    assert.is(loaded.allocatedBytes, plan.memory.plannedBytes - uniforms);
    loaded.release();
  });

  test(`${name}: memory begins as zeros, and as NaN in the arena when poisoned`, async () => {
    const segments = [segment('arena0', 'arena', SLOT), segment('outputs', 'outputs', SLOT)];
    const { plan, texts } = tinyPlan(
      segments,
      (table) => ({
        peek: [{ kind: 'launch', kernel: table.add(copy, []), addresses: [at('arena0'), at('outputs')], groups: once }],
      }),
      device.target,
    );
    for (const poison of [false, true]) {
      const loaded = await device.load(plan, texts, { poison });
      loaded.run('peek', SCALARS);
      const read = new Float32Array(await loaded.read('outputs', 0, WIDTH * 4));
      assert.ok(read.every((x) => (poison ? Number.isNaN(x) : x === 0)));
      loaded.release();
    }
  });

  test(`${name}: a guard band shows a write past the end of its segment`, async () => {
    const past = eachElement(
      'past',
      WIDTH,
      [{ name: 'to', type: 'f32', access: 'read_write' }],
      [{ kind: 'store', buffer: 'to', index: add(element, u32(1)), value: f32(1) }],
    );
    const { plan, texts } = tinyPlan(
      [segment('outputs', 'outputs', WIDTH * 4)],
      (table) => ({
        run: [{ kind: 'launch', kernel: table.add(past, []), addresses: [at('outputs')], groups: once }],
      }),
      device.target,
    );
    const loaded = await device.load({ ...plan }, texts, { poison: true });
    await loaded.checkGuards();
    loaded.run('run', SCALARS);
    await rejectsWithCode('guard-overwritten', () => loaded.checkGuards());
    loaded.release();
  });

  test(`${name}: a folded grid counts its workgroups in one dimension`, async () => {
    const count = 64 * 15;
    const number = eachElement(
      'number',
      count,
      [{ name: 'to', type: 'u32', access: 'read_write' }],
      [store('to', add(element, u32(7)))],
    );
    const { plan, texts } = tinyPlan(
      [segment('outputs', 'outputs', count * 4)],
      (table) => ({
        run: [
          {
            kind: 'launch',
            kernel: table.add(number, []),
            addresses: [{ segment: 'outputs', offset: 0, bytes: count * 4 }],
            groups: [4, 4, 1],
          },
        ],
      }),
      device.target,
    );
    const loaded = await device.load(plan, texts);
    loaded.run('run', SCALARS);
    const read = new Uint32Array(await loaded.read('outputs', 0, count * 4));
    assert.ok(read.every((x, i) => x === i + 7));
    loaded.release();
  });

  test.after(() => device.close());
}

test.run();
