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
import type { Launch, Plan } from '../src/compiler/ir/plan.ts';
import { InternalError, present } from '../src/compiler/support/invariant.ts';
import { compileText } from './support/compile-text.ts';
import { rejectsWithCode } from './support/failures.ts';
import { layers } from './support/layers-plan.ts';
import { SCALARS } from './support/tiny-plan.ts';

const device = await openWebGpu();
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

test('limits come from the adapter, or are those that WebGPU guarantees', async () => {
  const least = await openWebGpu({ minimumLimits: true, bindingBytes: 1000 });
  const { bindingBytes, ...rest } = least.limits;
  assert.is(bindingBytes, 768);
  // The class of a device, its memory and what its driver does are no limits of WebGPU.
  const { deviceClass, memoryBytes, unrolls } = device.limits;
  const own = { deviceClass, memoryBytes, ...(unrolls ? { unrolls } : {}) };
  assert.equal({ ...rest, bindingBytes: 0 }, { ...DEFAULT_LIMITS, ...own, bindingBytes: 0 });
  assert.ok(device.limits.storageBindings > 8);
  const { plan, texts } = layers(false, 'wgsl');
  (await least.load(plan, texts)).release();
  least.close();
});

test('what the device cannot do is said before anything runs', async () => {
  const { plan, texts } = layers(false, 'wgsl');
  const file = plan.kernels[0]?.file ?? '';
  await rejectsWithCode('kernel-missing', () => device.load(plan, {}));
  const broken = { ...texts, [file]: 'fn main() { x }' };
  await rejectsWithCode('kernel-defect', () => device.load(plan, broken));
  await rejectsWithCode('kernel-refused', () => device.load(plan, broken, { fromFiles: true }));
  const kernels = plan.kernels.map((k) => ({ ...k, features: ['wings'] }));
  await rejectsWithCode('device-lacks-feature', () => device.load({ ...plan, kernels }, texts));
  const bindings = Array.from({ length: 99 }, (_, i) => ({ name: `b${i}`, access: 'read' as const }));
  const wide = plan.kernels.map((k) => ({ ...k, bindings }));
  await rejectsWithCode('plan-needs-more', () => device.load({ ...plan, kernels: wide }, texts));
  const huge = [{ name: 'weights0', role: 'weights' as const, bytes: device.limits.bufferBytes + 256 }];
  await rejectsWithCode('plan-needs-more', () => device.load({ ...plan, segments: huge }, texts));
  const memory = { plannedBytes: 1e18, liveBytes: 0 };
  if (device.info.software) await rejectsWithCode('memory-exceeded', () => device.load({ ...plan, memory }, texts));
  await rejectsWithCode('adapter-unknown', () => openWebGpu({ adapter: 'Abacus 3000' }));
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
  await rejectsWithCode('plan-needs-more', () =>
    device.load(
      withLaunches((l) => ({ ...l, groups: [1e5, 1, 1] })),
      texts,
    ),
  );
  const unbound = withLaunches((l) => ({ ...l, addresses: l.addresses.slice(1) }));
  const error = await device.load(unbound, texts).catch((e: unknown) => e);
  assert.instance(error, InternalError);
  assert.match(String(error), /This is the kernel 'kernels\/\w+\.wgsl' of test\.tfm:[\d,-]+\.$/);
  await rejectsWithCode('plan-refused', () => device.load(unbound, texts, { fromFiles: true }));
  const { uniformRows: _, ...rest } = plan;
  await rejectsWithCode('plan-refused', () =>
    device.load(JSON.parse(JSON.stringify(rest)), texts, { fromFiles: true }),
  );
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
  await rejectsWithCode('device-memory', () => checked(scopes('no memory', null), () => 1, noMemory));
  assert.is(noMemory().exitCode, 4);
  assert.is(await checked(scopes(null, null), () => 1, noMemory), 1);
  const error = await checked(scopes(null, 'invalid'), () => 1, noMemory).catch((e: unknown) => e);
  assert.instance(error, InternalError);
});

test('a lost device fails what waits for it and what comes after', async () => {
  const doomed = await openWebGpu();
  const { plan, texts } = layers(false, 'wgsl');
  const loaded = await doomed.load(plan, texts);
  loaded.run('forward', SCALARS);
  doomed.close();
  await rejectsWithCode('device-lost', () => loaded.read('outputs', 0, 4));
  await rejectsWithCode('device-lost', () => loaded.finish());
  await rejectsWithCode('device-lost', () => doomed.lost);
  await rejectsWithCode('device-lost', () => doomed.load(plan, texts));
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
