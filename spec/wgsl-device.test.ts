/** Plans run on Dawn: addresses, loops, uniforms, memory, and what goes wrong. */
import { spawnSync } from 'node:child_process';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DEFAULT_LIMITS } from '../src/backends/wgsl/default-limits.ts';
import { openWebGpu } from '../src/backends/wgsl/device.ts';
import { checked } from '../src/backends/wgsl/opened-device.ts';
import { deviceFailure } from '../src/compiler/diagnostics/device.ts';
import { Failure } from '../src/compiler/diagnostics/diagnostic.ts';
import { renderDiagnostics } from '../src/compiler/diagnostics/render.ts';
import type { Kernel } from '../src/compiler/ir/kernel.ts';
import { add, f32, load, mul, u32, uniform } from '../src/compiler/ir/kernel-expr.ts';
import type { Launch, Plan, Segment } from '../src/compiler/ir/plan.ts';
import { InternalError, present } from '../src/compiler/support/invariant.ts';
import { compileText } from './support/compile-text.ts';
import { eachElement, element, SCALARS, store, type TinyPlan, tableUniform, tinyPlan } from './support/tiny-plan.ts';

const device = await openWebGpu();
const WIDTH = 50;
const SLOT = 256;
const segment = (name: string, role: Segment['role'], bytes: number): Segment => ({ name, role, bytes });
const at = (name: string, offset = 0) => ({ segment: name, offset, bytes: WIDTH * 4 });
const once = [1, 1, 1] as const;

/** after = before * weight + scale + step */
const layer: Kernel = eachElement(
  'layer',
  WIDTH,
  [
    { name: 'weight', type: 'f32', access: 'read' },
    { name: 'before', type: 'f32', access: 'read_write' },
    { name: 'after', type: 'f32', access: 'read_write' },
  ],
  [
    store(
      'after',
      add(
        mul(load('before', 'f32', element), load('weight', 'f32', element)),
        add(uniform('scale', 'f32'), { kind: 'cast', type: 'f32', operand: uniform('step', 'u32') }),
      ),
    ),
  ],
  [tableUniform('scale'), { name: 'step', type: 'u32', source: { kind: 'runtime', name: 'step' } }],
);

const copy: Kernel = eachElement(
  'copy',
  WIDTH,
  [
    { name: 'from', type: 'f32', access: 'read' },
    { name: 'to', type: 'f32', access: 'read_write' },
  ],
  [store('to', load('from', 'f32', element))],
);

const DEPTH = 5;
const scales = [0.5, -1, 2, 0.25, 3];

/** x goes through five layers, up or down, in two slots by turns, and then to the outputs. */
function layers(reverse: boolean): TinyPlan {
  const segments = [
    segment('weights0', 'weights', DEPTH * SLOT),
    segment('arena0', 'arena', 2 * SLOT),
    segment('inputs', 'inputs', SLOT),
    segment('outputs', 'outputs', SLOT),
  ];
  return tinyPlan(segments, (table) => {
    const row = table.addRows(scales.map((value) => [{ type: 'f32', value }]));
    const turn = (shift: number) => ({ ...at('arena0'), move: { stride: SLOT, shift, modulus: 2 } });
    const stacked = { ...at('weights0'), move: { stride: SLOT, shift: 0, modulus: DEPTH } };
    const addresses = reverse ? [stacked, turn(0), turn(-1)] : [stacked, turn(0), turn(1)];
    const first = reverse ? (DEPTH - 1) % 2 : 0;
    const last = reverse ? 1 : DEPTH % 2;
    const copies = table.add(copy, []);
    return {
      forward: [
        { kind: 'launch', kernel: copies, addresses: [at('inputs'), at('arena0', first * SLOT)], groups: once },
        {
          kind: 'loop',
          count: DEPTH,
          reverse,
          body: [{ kind: 'launch', kernel: table.add(layer, []), addresses, uniformRow: row, groups: once }],
        },
        { kind: 'launch', kernel: copies, addresses: [at('arena0', last * SLOT), at('outputs')], groups: once },
      ],
      wipe: [{ kind: 'clear', address: at('outputs') }],
    };
  });
}

const inputs = Float32Array.from({ length: WIDTH }, (_, i) => (i - 20) / 8);
const weights = Array.from({ length: DEPTH }, (_, l) =>
  Float32Array.from({ length: WIDTH }, (_, i) => ((i + l) % 4) / 2),
);

function expected(step: number, order: readonly number[]): Float32Array {
  const f = Math.fround;
  return inputs.map((x, i) => order.reduce((y, l) => f(f(y * (weights[l]?.[i] ?? 0)) + f((scales[l] ?? 0) + step)), x));
}

const SPEC = `model Bigram(vocab: axis = 8)(tokens: int[batch, time], targets: int[batch, time]) {
  axis next = vocab
  param table: [vocab -> next] ~ normal(0.02)
  logits = table[vocab = tokens][next -> vocab]
  loss = mean(cross_entropy(logits, targets, over = vocab))
}
train Bigram() { batch = 2; time = 4; steps = 1; lr = 1e-2 }
`;

/** `line:column` of each occurrence of a word. */
const positions = (text: string, word: string): readonly string[] =>
  text.split('\n').flatMap((line, i) => (line.includes(word) ? [`${i + 1}:${line.indexOf(word) + 1}`] : []));

const failsWith = async (code: string, act: () => Promise<unknown>): Promise<void> => {
  const error = await act().then(
    () => undefined,
    (e: unknown) => e,
  );
  assert.instance(error, Failure);
  assert.is(error instanceof Failure ? error.diagnostics[0]?.code : '', code);
};

for (const poison of [false, true]) {
  for (const reverse of [false, true]) {
    test(`a loop ${reverse ? 'down' : 'up'} moves its addresses and rows${poison ? ', in poisoned memory' : ''}`, async () => {
      const { plan, texts } = layers(reverse);
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

test('what is allocated is the segments and the uniforms', async () => {
  const { plan, texts } = layers(false);
  const loaded = await device.load(plan, texts);
  assert.is(loaded.allocatedBytes, plan.memory.plannedBytes);
  loaded.release();
});

test('memory begins as zeros, and as NaN in the arena when poisoned', async () => {
  const segments = [segment('arena0', 'arena', SLOT), segment('outputs', 'outputs', SLOT)];
  const { plan, texts } = tinyPlan(segments, (table) => ({
    peek: [{ kind: 'launch', kernel: table.add(copy, []), addresses: [at('arena0'), at('outputs')], groups: once }],
  }));
  for (const poison of [false, true]) {
    const loaded = await device.load(plan, texts, { poison });
    loaded.run('peek', SCALARS);
    const read = new Float32Array(await loaded.read('outputs', 0, WIDTH * 4));
    assert.ok(read.every((x) => (poison ? Number.isNaN(x) : x === 0)));
    loaded.release();
  }
});

test('a guard band shows a write past the end of its segment', async () => {
  const past = eachElement(
    'past',
    WIDTH,
    [{ name: 'to', type: 'f32', access: 'read_write' }],
    [{ kind: 'store', buffer: 'to', index: add(element, u32(1)), value: f32(1) }],
  );
  const { plan, texts } = tinyPlan([segment('outputs', 'outputs', WIDTH * 4)], (table) => ({
    run: [{ kind: 'launch', kernel: table.add(past, []), addresses: [at('outputs')], groups: once }],
  }));
  const loaded = await device.load({ ...plan }, texts, { poison: true });
  await loaded.checkGuards();
  loaded.run('run', SCALARS);
  await failsWith('guard-overwritten', () => loaded.checkGuards());
  loaded.release();
});

test('a folded grid counts its workgroups in one dimension', async () => {
  const count = 64 * 15;
  const number = eachElement(
    'number',
    count,
    [{ name: 'to', type: 'u32', access: 'read_write' }],
    [store('to', add(element, u32(7)))],
  );
  const { plan, texts } = tinyPlan([segment('outputs', 'outputs', count * 4)], (table) => ({
    run: [
      {
        kind: 'launch',
        kernel: table.add(number, []),
        addresses: [{ segment: 'outputs', offset: 0, bytes: count * 4 }],
        groups: [4, 4, 1],
      },
    ],
  }));
  const loaded = await device.load(plan, texts);
  loaded.run('run', SCALARS);
  const read = new Uint32Array(await loaded.read('outputs', 0, count * 4));
  assert.ok(read.every((x, i) => x === i + 7));
  loaded.release();
});

test('limits come from the adapter, or are those that WebGPU guarantees', async () => {
  const least = await openWebGpu({ minimumLimits: true, bindingBytes: 1000 });
  const { bindingBytes, ...rest } = least.limits;
  assert.is(bindingBytes, 768);
  const own = { deviceClass: rest.deviceClass, memoryBytes: rest.memoryBytes };
  assert.equal({ ...rest, bindingBytes: 0 }, { ...DEFAULT_LIMITS, ...own, bindingBytes: 0 });
  assert.ok(device.limits.storageBindings > 8);
  const { plan, texts } = layers(false);
  (await least.load(plan, texts)).release();
  least.close();
});

test('what the device cannot do is said before anything runs', async () => {
  const { plan, texts } = layers(false);
  const file = plan.kernels[0]?.file ?? '';
  await failsWith('kernel-missing', () => device.load(plan, {}));
  const broken = { ...texts, [file]: 'fn main() { x }' };
  await failsWith('kernel-defect', () => device.load(plan, broken));
  await failsWith('kernel-refused', () => device.load(plan, broken, { fromFiles: true }));
  const kernels = plan.kernels.map((k) => ({ ...k, features: ['wings'] }));
  await failsWith('device-lacks-feature', () => device.load({ ...plan, kernels }, texts));
  const bindings = Array.from({ length: 99 }, (_, i) => ({ name: `b${i}`, access: 'read' as const }));
  const wide = plan.kernels.map((k) => ({ ...k, bindings }));
  await failsWith('plan-needs-more', () => device.load({ ...plan, kernels: wide }, texts));
  const huge = [{ name: 'weights0', role: 'weights' as const, bytes: device.limits.bufferBytes + 256 }];
  await failsWith('plan-needs-more', () => device.load({ ...plan, segments: huge }, texts));
  const memory = { plannedBytes: 1e18, liveBytes: 0 };
  if (device.info.software) await failsWith('memory-exceeded', () => device.load({ ...plan, memory }, texts));
  await failsWith('adapter-unknown', () => openWebGpu({ adapter: 'Abacus 3000' }));
});

test('what the driver has against a kernel is told at its place, with the lines of the spec that it computes', async () => {
  const { plan, texts } = compileText(SPEC, { limits: device.limits });
  const [file = '', text = ''] = Object.entries(texts).find(([name]) => /softmax|loss/.test(name)) ?? [];
  const [line = ''] = /^ +let .*;$/m.exec(text) ?? [];
  const refusal = async (code: string, fromFiles = false): Promise<Failure> => {
    const error = await device.load(plan, { ...texts, [file]: code }, { fromFiles }).catch((e: unknown) => e);
    if (error instanceof Failure) return error;
    throw new Error(`${file} is taken: ${error}`);
  };
  const shown = ({ diagnostics }: Failure): string => renderDiagnostics(diagnostics, { color: false });
  const unknownName = text.replace(line, () => line.replace(/= .*;/, '= q_7;'));
  const ours = await refusal(unknownName);
  assert.is(ours.exitCode, 70);
  const [at] = positions(unknownName, 'q_7');
  assert.ok(
    shown(ours).startsWith(`${file}:${at}: error: the driver refuses the kernel '${file}' of test.tfm:`),
    shown(ours),
  );
  assert.match(shown(ours), /of test\.tfm:[\d,-]+, as tfm wrote it: unresolved value 'q_7' \[kernel-defect\]\n/);
  assert.match(shown(ours), / = q_7;\n.* \^\^\^\n/);
  const edited = await refusal(unknownName, true);
  assert.is(edited.exitCode, 3);
  assert.match(shown(edited), /of test\.tfm:[\d,-]+: unresolved value 'q_7' \[kernel-refused\]\n/);
  // A program, but with another entry point than the plan has; no single place of it is wrong.
  const renamed = await refusal(text.replace('fn main(', 'fn start('));
  assert.is(renamed.exitCode, 70);
  assert.match(shown(renamed), /^error: the driver refuses the kernel '.*' of test\.tfm:.*main.*\[kernel-defect\]/);
  // The comments may be gone from a file.
  assert.match(shown(await refusal('fn main() { x }', true)), /refuses the kernel '[^']*': /);
});

test('what the device has against a plan is a defect of ours, or of a file; it names the kernel', async () => {
  const { plan, texts } = compileText(SPEC, { limits: device.limits });
  const micro = present(plan.programs.micro, 'a program');
  const withLaunches = (change: (launch: Launch) => Launch): Plan => ({
    ...plan,
    programs: { micro: { ...micro, steps: micro.steps.map((s) => (s.kind === 'launch' ? change(s) : s)) } },
  });
  await failsWith('plan-needs-more', () =>
    device.load(
      withLaunches((l) => ({ ...l, groups: [1e5, 1, 1] })),
      texts,
    ),
  );
  const unbound = withLaunches((l) => ({ ...l, addresses: l.addresses.slice(1) }));
  const error = await device.load(unbound, texts).catch((e: unknown) => e);
  assert.instance(error, InternalError);
  assert.match(String(error), /This is the kernel 'kernels\/\w+\.wgsl' of test\.tfm:[\d,-]+\.$/);
  await failsWith('plan-refused', () => device.load(unbound, texts, { fromFiles: true }));
  const { uniformRows: _, ...rest } = plan;
  await failsWith('plan-refused', () => device.load(JSON.parse(JSON.stringify(rest)), texts, { fromFiles: true }));
});

test('a lack of memory is a failure with exit code 4, an invalid call a defect of ours', async () => {
  const scopes = (...errors: readonly (string | null)[]) => {
    const left = [...errors];
    return {
      pushErrorScope: () => undefined,
      popErrorScope: async () => {
        const message = left.shift();
        return message ? { message } : null;
      },
    };
  };
  const noMemory = () => deviceFailure('device-memory', { what: "segment 'arena0'", needs: 2 ** 31 });
  await failsWith('device-memory', () => checked(scopes('no memory', null), () => 1, noMemory));
  assert.is(noMemory().exitCode, 4);
  assert.is(await checked(scopes(null, null), () => 1, noMemory), 1);
  const error = await checked(scopes(null, 'invalid'), () => 1, noMemory).catch((e: unknown) => e);
  assert.instance(error, InternalError);
});

test('a lost device fails what waits for it and what comes after', async () => {
  const doomed = await openWebGpu();
  const { plan, texts } = layers(false);
  const loaded = await doomed.load(plan, texts);
  loaded.run('forward', SCALARS);
  doomed.close();
  await failsWith('device-lost', () => loaded.read('outputs', 0, 4));
  await failsWith('device-lost', () => loaded.finish());
  await failsWith('device-lost', () => doomed.lost);
  await failsWith('device-lost', () => doomed.load(plan, texts));
});

test('a process ends with its own exit code, whatever the device is doing', () => {
  const script = (end: string): string => `
    import { openWebGpu } from './src/backends/wgsl/device.ts';
    import { f32, u32 } from './src/compiler/ir/kernel-expr.ts';
    import { eachElement, SCALARS, store, tinyPlan } from './spec/support/tiny-plan.ts';
    const device = await openWebGpu();
    const slow = eachElement('slow', 64, [{ name: 'out', type: 'f32', access: 'read_write' }], [
      { kind: 'for', name: 'j', from: u32(0), to: u32(1000000), step: u32(1), body: [store('out', f32(1))] },
    ]);
    const { plan, texts } = tinyPlan([{ name: 'out', role: 'outputs', bytes: 256 }], (table) => {
      const addresses = [{ segment: 'out', offset: 0, bytes: 256 }];
      return { run: [{ kind: 'launch', kernel: table.add(slow, []), addresses, groups: [1, 1, 1] }] };
    });
    const loaded = await device.load(plan, texts);
    loaded.run('run', SCALARS);
    ${end}`;
  const ends = [
    ['await loaded.finish(); device.close();', 0],
    ['await loaded.finish();', 0],
    ['throw 1;', 1],
    ...Array.from({ length: 6 }, () => ['process.exit(7);', 7] as const),
  ] as const;
  for (const [end, code] of ends) {
    const options = ['--import', 'tsx', '--input-type=module', '-e', script(end)];
    const child = spawnSync(process.execPath, options, { encoding: 'utf8' });
    assert.is(child.status, code, `${end} ${child.signal} ${child.stderr}`);
    assert.not.match(child.stderr, 'Warning');
  }
});

test.after(() => device.close());
test.run();
