/** Probes at a distance: values and gradients by path, over layers that are elaborated at once, one by one, or cut. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { interpret } from '../src/backends/reference/interpret.ts';
import { openWebGpu } from '../src/backends/wgsl/device.ts';
import { check } from '../src/compiler/check.ts';
import type { Compiled } from '../src/compiler/compile-request.ts';
import { Failure } from '../src/compiler/diagnostics/diagnostic.ts';
import type { Graph, WeightId } from '../src/compiler/ir/graph.ts';
import { elementsOf } from '../src/compiler/ir/tensor-type.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { makeSource } from '../src/compiler/support/source.ts';
import { readProbes } from '../src/runtime/probes.ts';
import { queueGradients } from '../src/runtime/run-step.ts';
import { compileText } from './support/compile-text.ts';
import { norm, runOnDevice, SCALARS, testTokens, testWeight } from './support/device-check.ts';
import { elaborated, errorsOf, LLAMA } from './support/elaborated.ts';
import { run, same } from './support/same-program.ts';

/** LLaMA with probes at the end of its body. */
const inModel = (probes: string, text = LLAMA): string => text.replace('  loss =', `  ${probes}\n  loss =`);
const train = (lines: string): string => `train Llama() { batch = 4; time = 5; steps = 4; micro = 4\n  ${lines}\n}\n`;
const MIX_LN = LLAMA.replace('{PreNorm}', '{MixLN, PreNorm}').replace('scheme = PreNorm', 'scheme = MixLN()');

const device = await openWebGpu({ notify: () => {} });

function near(found: ArrayLike<number>, expected: ArrayLike<number>, name: string, limit = 1e-12): void {
  assert.is(found.length, expected.length, name);
  for (const [i, x] of Array.from(expected).entries())
    assert.ok(
      Math.abs((found[i] ?? Number.NaN) - x) <= limit * (1 + Math.abs(x)),
      `${name}[${i}]: ${found[i]}, not ${x}`,
    );
}

/** What probes give, by name. */
function valuesOf(text: string, options: Parameters<typeof elaborated>[1] = {}): ReadonlyMap<string, Float64Array> {
  const { graph } = elaborated(text, { want: 'probes', training: false, ...options });
  return new Map([...run(graph)].map(([name, values]) => [name.replace('probe.', ''), values]));
}

test('a star is the probe of each iteration: at once, one by one, and where the range is cut', () => {
  for (const [text, depth] of [
    [LLAMA, 6],
    [LLAMA, 3],
    [MIX_LN, 16],
    [MIX_LN, 2],
  ] as const) {
    const probed = `${inModel('probe here = mean(var(layer.*.x, over = width))', text)}${train('probe there = mean(var(layer.*.x, over = width))')}`;
    for (const atOnce of [true, false]) {
      const values = valuesOf(probed, { atOnce, set: [`depth=${depth}`] });
      const expected = present(values.get('variance'), 'the probe in the loop');
      assert.is(expected.length, depth);
      for (const name of ['here', 'there']) near(present(values.get(name), name), expected, name);
    }
    same(probed, [`depth=${depth}`]);
  }
});

test('paths name fields of instances, what is within them, weights, and single iterations', () => {
  const inLoop = LLAMA.replace('for layer in 1..depth {', 'for layer in 1..depth {\n    attn = Attention(heads, kv)')
    .replace('(attn = Attention(heads, kv),', '(attn = attn,')
    .replace('    probe', '    probe value = norm(attn.value)\n    probe w = norm(attn.wq)\n    probe')
    .replace('depth = 3', 'depth = 5');
  const far = inModel(
    [
      'probe far_value = norm(layer.*.attn.value)',
      'probe far_w = norm(layer.*.attn.wq)',
      'probe third = norm(layer.3.attn.value) + norm(layer.3.attn.wq) * 1000',
      'probe both = norm(layer.*.attn.value) / norm(layer.*.attn.wq)',
      'probe change = norm(layer.4.x - layer.3.x)',
      'probe head = norm(logits.linear.w)',
      'probe normed = mean(layer.*.ffn.rms_norm.gain)',
      'probe token = norm(embed.table)',
    ].join('\n  '),
    inLoop,
  );
  for (const atOnce of [true, false]) {
    const values = valuesOf(far, { atOnce });
    const get = (name: string) => present(values.get(name), name);
    near(get('far_value'), get('value'), 'value');
    near(get('far_w'), get('w'), 'w');
    near(get('third'), [(get('value')[2] ?? 0) + (get('w')[2] ?? 0) * 1000], 'third');
    near(
      get('both'),
      get('value').map((x, i) => x / (get('w')[i] ?? 0)),
      'both',
    );
    assert.is(get('normed').length, 5);
    assert.ok((get('change')[0] ?? 0) > 0);
    assert.is(get('head').length + get('token').length, 2);
  }
  same(far, []);
});

test('what comes after the loop may be looked at with what is in it', () => {
  const text = inModel(
    'probe far = mean(layer.*.x * final)\n  lists = [x, final]\n  probe items = norm(x - final)',
    LLAMA.replace('depth = 3', 'depth = 5'),
  );
  const { graph } = elaborated(text, { want: 'probes', training: false });
  assert.ok(graph.block.ops.filter((op) => op.kind === 'pick').length >= 5, 'evaluated for each layer behind the loop');
  for (const atOnce of [true, false]) assert.is(valuesOf(text, { atOnce }).get('far')?.length, 5);
  same(text, []);
});

test('loops over records and within functions have paths too', () => {
  const values = valuesOf(
    inModel('probe residual = norm(layer.*.*.x)\n  probe ffn = norm(layer.*.ffn.x)').replace('depth = 3', 'depth = 4'),
  );
  const all = present(values.get('residual'), 'residual');
  assert.is(all.length, 8, 'attn and ffn of each layer');
  near(
    present(values.get('ffn'), 'ffn'),
    all.filter((_, i) => i % 2 === 1),
    'every other one is that of ffn',
  );
});

const GRADIENTS = `probe one = norm(grad(embed.table))
  probe each = norm(grad(layer.*.attn.wq))
  probe ratio = norm(grad(layer.*.ffn.w_up)) / norm(layer.*.ffn.w_up)
  probe gain = norm(grad(layer.2.attn.rms_norm.gain)) / norm(layer.2.attn.rms_norm.gain)
  probe last = norm(grad(layer.6.attn.wo)) + mean(layer.6.x ^ 2)`;
const PROBED = `${LLAMA.replace('depth = 3', 'depth = 6')}${train(GRADIENTS)}`;

/** What the interpreter gives for the outputs of a graph, gradients as they are given. */
function interpreted(graph: Graph, gradients: ReadonlyMap<string, Float64Array>) {
  const weights = new Map<WeightId, Float64Array>(
    graph.weights.map((w) => {
      const parts = w.members.map(({ name }) =>
        w.isGradient ? present(gradients.get(name), name) : testWeight(name, elementsOf(w.axes)),
      );
      return [w.id, Float64Array.from(parts.flatMap((part) => [...part]))];
    }),
  );
  const inputs = new Map(
    graph.inputs.map((i) => [i.name, Float64Array.from(testTokens(i.name, elementsOf(i.type.axes), 61))]),
  );
  const { step, seed, micro, lr } = SCALARS;
  return interpret(graph, { inputs, weights, runtime: { step, lr }, seed, micro });
}

async function probesOnDevice({ plan, texts }: Compiled) {
  const loaded = await device.load(plan, texts, { poison: true });
  try {
    for (const w of plan.weights) loaded.write(`weights${w.part}`, w.offset, testWeight(w.name, w.bytes / 4));
    const [tokens, targets] = ['tokens', 'targets'].map((name) => testTokens(name, 20, 61));
    const batch = { tokens: present(tokens, 'tokens'), targets: present(targets, 'targets') };
    queueGradients(loaded, batch, SCALARS);
    const values = await readProbes(loaded, 'gradient_probes', batch, SCALARS);
    const others = await readProbes(loaded, 'probes', batch, SCALARS);
    await loaded.checkGuards();
    return { values, others };
  } finally {
    loaded.release();
  }
}

for (const [what, set, limits] of [
  ['at once', [], {}],
  ['one by one', ['depth=3'], {}],
  ['with micro-batches', ['train.micro=2'], {}],
  ['in several buffers', [], { bufferBytes: 32768 }],
] as const) {
  test(`probes see the gradients of the step, ${what}`, async () => {
    const text = what === 'one by one' ? PROBED.replaceAll('layer.6', 'layer.3') : PROBED;
    const compiled = compileText(text, {
      set,
      purposes: ['train', 'probes'],
      limits: { ...device.limits, ...limits },
    });
    const { gradients } = await runOnDevice(device, compiled, 61);
    const depth = what === 'one by one' ? 3 : 6;
    const { values, others } = await probesOnDevice(compiled);
    assert.equal(Object.keys(values), ['one', 'each', 'ratio', 'gain', 'last']);
    assert.equal(Object.keys(others), ['variance']);
    const of = (name: string): number => norm(present(gradients.get(name), name));
    const layers = Array.from({ length: depth }, (_, i) => i + 1);
    near(values.one ?? [], [of('embed.table')], 'one', 1e-4);
    near(
      values.each ?? [],
      layers.map((l) => of(`layer.${l}.attn.wq`)),
      'each',
      1e-4,
    );
    const ratio = (name: string): number => of(name) / norm(Float64Array.from(testWeight(name, 24 * 40)));
    near(
      values.ratio ?? [],
      layers.map((l) => ratio(`layer.${l}.ffn.w_up`)),
      'ratio',
      1e-4,
    );
    const gain = 'layer.2.attn.rms_norm.gain';
    near(values.gain ?? [], [of(gain) / norm(Float64Array.from(testWeight(gain, 24)))], 'gain', 1e-4);
    // The same by the interpreter, for a whole batch.
    if (compiled.plan.accumulation > 1) return;
    const graph = present(compiled.graphs.gradient_probes, 'a graph of gradients');
    for (const [name, expected] of interpreted(graph, gradients))
      near(values[name.replace('probe.', '')] ?? [], expected, name, 1e-4);
  });
}

test('probes are free when they are not due, and cost no kernels for depth', () => {
  const plain = compileText(`${LLAMA}${train('')}`, { purposes: ['train', 'probes'], set: ['depth=12'] });
  const [few, many] = [12, 96].map((depth) =>
    compileText(PROBED.replaceAll('layer.6', 'layer.12'), { purposes: ['train', 'probes'], set: [`depth=${depth}`] }),
  );
  const launches = ({ plan }: Compiled, name: string): number =>
    present(plan.programs[name], name).steps.reduce((n, step) => n + (step.kind === 'loop' ? step.body.length : 1), 0);
  for (const name of ['micro', 'update']) assert.is(launches(present(few, '12'), name), launches(plain, name), name);
  const hashes = ({ plan }: Compiled) => new Set(plan.kernels.map((kernel) => kernel.hash));
  const [a, b] = [hashes(present(few, '12')), hashes(present(many, '96'))];
  // What picks one layer knows where it lies.
  const extra = [...b].filter((hash) => !a.has(hash));
  assert.ok(extra.length <= 2, `${extra.length} kernels more`);
});

test('what was wrong with a path', () => {
  const errors = (probe: string, text = LLAMA): readonly string[] =>
    errorsOf(inModel(probe, text), { want: 'probes', training: false }).map((e) => e.replace(/^\d+:/, ''));
  assert.equal(errors('probe p = norm(layer.*.xx)'), [
    '18 path-names-nothing: `layer.*.xx` names no value (did you mean `layer.*.x`?)',
  ]);
  assert.equal(errors('probe p = norm(layr.*.attn.value)'), [
    '18 path-names-nothing: `layr.*.attn.value` names no value (did you mean `layer.*.attn.value`?)',
  ]);
  assert.equal(errors('probe p = norm(layer.9.x)'), [
    '18 path-names-nothing: `layer.9.x` names no value (did you mean `layer.*.x`?)',
  ]);
  assert.equal(errors('probe p = norm(grad(layer.*.attn.wqq))'), [
    '23 path-names-nothing: `layer.*.attn.wqq` names no weight (did you mean `layer.*.attn.wq`?)',
  ]);
  assert.equal(errors('probe p = norm(grad(layer.*.x))'), [
    '23 path-names-nothing: `layer.*.x` names no weight (tfm params lists the names of weights)',
  ]);
  assert.equal(errors('probe p = norm(grad(final))'), [
    '23 gradient-of-value: `final` is no weight (give `grad` a weight by its name or path, before anything is done to it)',
  ]);
  assert.equal(errors('probe p = layer.*.x'), [
    '13 probe-not-scalar: the probe `p` is a tensor with batch (3, 4:48), time (5, 4:55), width (24, 3:31) ' +
      '(reduce it, for example with `mean(…)`)',
  ]);
  assert.equal(errors('y = norm(layer.2.x)'), [
    '12 path-not-here: `layer.2.x` is a path, which only probes in a train block or in the body of a model may read ' +
      '(write the `probe` there, outside of loops and functions; here use names and fields)',
  ]);
  const inLoop = LLAMA.replace('    probe', '    probe p = norm(layer.*.x)\n    probe');
  assert.equal(errors('', inLoop).length, 1);
  assert.match(errors('', inLoop)[0] ?? '', /path-not-here/);
});

test('a check says what is wrong with probes', () => {
  const text = `${LLAMA}${train('probe p = norm(layer.*.xx)\n  probe q = norm(grad(embed.table))\n  weights embed.table { freeze = true }')}`;
  try {
    check({ source: makeSource('a.tfm', text), set: [] });
    assert.unreachable();
  } catch (error) {
    assert.ok(error instanceof Failure);
    assert.equal(
      error.diagnostics.map((d) => d.code),
      ['path-names-nothing'],
    );
  }
  const frozen = text.replace('xx', 'x');
  try {
    check({ source: makeSource('a.tfm', frozen), set: [] });
    assert.unreachable();
  } catch (error) {
    assert.ok(error instanceof Failure);
    assert.equal(
      error.diagnostics.map((d) => d.code),
      ['gradient-of-frozen'],
    );
  }
});

test.run();
