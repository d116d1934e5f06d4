/** `after`: what is done to weights before the first step and after each update. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { interpret } from '../src/backends/reference/interpret.ts';
import { openWebGpu } from '../src/backends/wgsl/device.ts';
import type { Compiled } from '../src/compiler/compile-request.ts';
import type { Graph, WeightId } from '../src/compiler/ir/graph.ts';
import { elementsOf } from '../src/compiler/ir/tensor-type.ts';
import { verifyGraph } from '../src/compiler/ops/verify-graph.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { readWeights } from '../src/runtime/plan-io.ts';
import { compileText } from './support/compile-text.ts';
import { SCALARS, testWeight } from './support/device-check.ts';
import { elaborated, errorsOf, LLAMA } from './support/elaborated.ts';

const TRAIN = 'train Llama() { batch = 4; time = 5; steps = 4; micro = 4 }\n';
/** LLaMA with a statement at the end of the model's body. */
const withRule = (rule: string): string => `${LLAMA.replace('  loss =', `  ${rule}\n  loss =`)}${TRAIN}`;
const UNIT = 'after = w => w / norm(w, over = width)';

const device = await openWebGpu({ notify: () => {} });

type Values = ReadonlyMap<string, Float64Array>;

/** What a graph of `after` makes of test weights, by name. */
function madeBy(graph: Graph, step = SCALARS.step): Values {
  const weights = new Map<WeightId, Float64Array>();
  for (const { id, axes, members } of graph.weights) {
    const parts = members.map((m) => [...testWeight(m.name, elementsOf(axes))]);
    weights.set(id, Float64Array.from(parts.flat()));
  }
  const runtime = { step, lr: 0 };
  const made = interpret(graph, { inputs: new Map(), weights, runtime, seed: SCALARS.seed, micro: 0 });
  return new Map(
    graph.weights.flatMap(({ members }) => {
      const all = made.get(`after.${members[0]?.name}`);
      const size = (all?.length ?? 0) / members.length;
      return members.flatMap((m, k) => (all ? [[m.name, all.slice(k * size, (k + 1) * size)] as const] : []));
    }),
  );
}

function near(found: ArrayLike<number>, expected: ArrayLike<number>, name: string, limit = 1e-5): void {
  assert.is(found.length, expected.length, name);
  for (const [i, x] of Array.from(expected).entries())
    assert.ok(Math.abs((found[i] ?? Number.NaN) - x) <= limit, `${name}[${i}] is ${found[i]}, not ${x}`);
}

/** The weights after programs have run on test weights. */
async function weightsAfter({ plan, texts }: Compiled, gradient: number, ...programs: readonly string[]) {
  const loaded = await device.load(plan, texts, { poison: true });
  try {
    for (const w of plan.weights) loaded.write(`weights${w.part}`, w.offset, testWeight(w.name, w.bytes / 4));
    for (const { name, role, bytes } of plan.segments) {
      const value = role === 'gradients' || role === 'totals' ? gradient : 0;
      if (/^(gradients|totals|moment)/.test(role)) loaded.write(name, 0, new Float32Array(bytes / 4).fill(value));
    }
    const loss = present(
      plan.programs.micro?.outputs.find((o) => o.name === 'loss'),
      'loss',
    ).address;
    loaded.write(loss.segment, loss.offset, Float32Array.of(1));
    for (const name of programs) loaded.run(name, SCALARS);
    const weights = await readWeights(loaded, 'weights', plan.weights);
    await loaded.checkGuards();
    return weights;
  } finally {
    loaded.release();
  }
}

test('members of a stack become one loop, whatever depends on the layer', () => {
  const each = LLAMA.replace(
    '    probe variance',
    '    weights attn.wq { after = w => w / norm(w, over = width) * sqrt(layer) }\n    probe variance',
  )
    .replace('for layer in 1..depth {', 'for layer in 1..depth {\n    attn = Attention(heads, kv)')
    .replace('attn = Attention(heads, kv), ', 'attn = attn, ')
    .replace('depth = 3', 'depth = 6');
  const after = present(elaborated(each).after, 'a graph');
  verifyGraph(after);
  assert.equal(
    after.block.ops.map((op) => op.kind),
    ['weight', 'constant', 'loop', 'rename'],
  );
  const made = madeBy(after);
  assert.is(made.size, 6);
  for (let layer = 1; layer <= 6; layer += 1) {
    const name = `layer.${layer}.attn.wq`;
    const w = testWeight(name, 24 * 24);
    const expected = Float64Array.from(w, (x, i) => {
      const column = Array.from({ length: 24 }, (_, row) => w[row * 24 + (i % 24)] ?? 0);
      return (x / Math.hypot(...column)) * Math.sqrt(layer);
    });
    near(present(made.get(name), name), expected, name, 1e-12);
  }
});

test('rules choose the members; a later one may take it off again', () => {
  const text = withRule(`weights **.{wo, w_down, table} { ${UNIT} }\n  weights layer.2.** { after = none }`);
  const after = present(elaborated(text).after, 'a graph');
  assert.equal(
    after.outputs.map((o) => o.name),
    ['embed.table', 'layer.1.attn.wo', 'layer.3.attn.wo', 'layer.1.ffn.w_down', 'layer.3.ffn.w_down'].map(
      (name) => `after.${name}`,
    ),
  );
  assert.is(elaborated(withRule('weights ** { after = w => w }')).after, undefined);
});

test('`none` is no function, also where it depends on the layer', () => {
  const each = LLAMA.replace(
    'for layer in 1..depth {',
    'for layer in 1..depth {\n    param a: [width] ~ 1 { after = if layer == 2 then none else (w => w / norm(w)) }\n    x = x * a',
  );
  const after = present(elaborated(each).after, 'a graph');
  assert.equal(
    after.outputs.map((o) => o.name),
    ['after.layer.1.a', 'after.layer.3.a'],
  );
});

test('what was wrong with a function', () => {
  const errors = (rule: string): readonly string[] => errorsOf(withRule(rule)).map((e) => e.replace(/^\d+:/, ''));
  assert.equal(errors('weights embed.table { after = w => sum(w, over = width) }'), [
    '33 weight-function-type: `after` makes a tensor [vocab] of `embed.table`, which is [vocab, width] ' +
      '[std/linear.tfm:12:3 the weight is declared here] (give a float tensor with the axes of the weight)',
  ]);
  assert.equal(errors('weights embed.table { after = 3 }'), ['33 wrong-kind: 3 stands where a function is wanted']);
  assert.equal(errors('weights embed.table { after = w => w * mean(x) }'), [
    '33 weight-function-captures: the function of `after` uses `layer.ffn.x` of the model around it ' +
      '(use the weight alone, and make what else it takes in the function)',
  ]);
  assert.equal(errors('weights embed.table { after = w => RMSNorm()(w) }'), [
    '33 after-has-weights: the function of `after` has weights of its own, which nothing would train ' +
      '(compute with the weight alone, or use `via`, whose weights are trained)',
  ]);
  assert.equal(errors('weights embed.table { after = w => { weights a { lr = 2 }; return 2 * w } }'), [
    '48 rule-selects-nothing: `a` selects no weight',
  ]);
  assert.equal(errors('weights embed.table { after = w => { probe n = norm(w); return 2 * w } }'), [
    '40 probe-in-weight-function: a probe stands in the function of `after` ' +
      '(write the `probe` where the weight is used; what it sees there is what `via` gives)',
  ]);
  assert.equal(errors('weights embed.table { afer = w => w }'), [
    '25 unknown-attribute: weights have no attribute `afer` (did you mean `after`?)',
  ]);
});

const NORMED = [
  `weights **.{wq, wk, wo, w_up, w_down} { ${UNIT} }`,
  `weights **.table { ${UNIT}; freeze = true }`,
  'weights **.w_gate { after = w => w * step / (step + 1) + 0.1 * uniform(like = w) }',
].join('\n  ');

for (const [what, set, limits] of [
  ['at once', [], {}],
  ['with micro-batches', ['train.micro=2'], {}],
  ['through small bindings', [], { bindingBytes: 4096 }],
  ['in several buffers', [], { bufferBytes: 12288 }],
] as const) {
  test(`kernels do what the interpreter does, ${what}`, async () => {
    const compiled = compileText(withRule(NORMED), { set, limits: { ...device.limits, ...limits } });
    const { settle, after } = compiled.graphs;
    const begun = await weightsAfter(compiled, 0, 'settle');
    const [first, later] = [madeBy(present(settle, 'settle')), madeBy(present(after, 'after'))];
    assert.ok(first.has('embed.table') && !later.has('embed.table'), 'frozen weights change at first only');
    // No gradient: the update itself changes nothing.
    const updated = await weightsAfter(compiled, 0, 'update');
    for (const { name, bytes } of compiled.plan.weights) {
      const given = testWeight(name, bytes / 4);
      near(present(begun.get(name), name), first.get(name) ?? given, name, 1e-6);
      near(present(updated.get(name), name), later.get(name) ?? given, name, 1e-6);
    }
  });
}

test('an update with a gradient that is not finite changes nothing', async () => {
  const compiled = compileText(withRule(NORMED), { limits: device.limits });
  const updated = await weightsAfter(compiled, Number.POSITIVE_INFINITY, 'update');
  for (const [name, values] of updated) assert.equal(values, testWeight(name, values.length), name);
});

test('depth costs no kernels', () => {
  const hashes = (depth: number) =>
    new Set(compileText(withRule(NORMED), { set: [`depth=${depth}`] }).plan.kernels.map((k) => k.hash));
  assert.equal(hashes(12), hashes(96));
});

test.run();
