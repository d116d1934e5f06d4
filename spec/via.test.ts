/** `via`: every use of a weight sees a function of it. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { interpret } from '../src/backends/reference/interpret.ts';
import type { WeightId } from '../src/compiler/ir/graph.ts';
import { elementsOf } from '../src/compiler/ir/tensor-type.ts';
import { autodiff } from '../src/compiler/passes/autodiff.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { compileText } from './support/compile-text.ts';
import { testTokens, testWeight } from './support/device-check.ts';
import { elaborated, errorsOf, LLAMA, weightNames } from './support/elaborated.ts';
import { smallSizes, textOf } from './support/gallery.ts';

const LORA = `fn Lora(rank: axis = 2)(w: [row, ..out]) {
  param a: [row, rank] ~ normal(0.02); param b: [rank, ..out] ~ 0
  return w + a @ b
}
`;
const id = <T>(x: T): T => x;
/** LLaMA with a function, and statements at the end of the model's body. */
const withRules = (fn: string, ...rules: readonly string[]): string =>
  LLAMA.replace('model', `${fn}model`).replace('  loss =', `${rules.map((r) => `  ${r}\n`).join('')}  loss =`);
const ADAPTED = withRules(LORA, 'weights ** { freeze = true }', 'weights layer.**.{wq, wv} { via = Lora() }');

const bodiesOf = (text: string, set: readonly string[] = []) =>
  elaborated(text, { set }).report.map(({ bodies }) => bodies.map(({ first, last, loop }) => [first, last, loop]));

interface RunOptions {
  readonly set?: readonly string[];
  readonly nameOf?: (name: string) => string;
  /** What is done to each element of the test weights. */
  readonly change?: (element: number) => number;
}

/** The loss of the test batch, and the gradient of each weight that has one. */
function run(text: string, { set = [], nameOf = id, change = id }: RunOptions = {}): ReadonlyMap<string, Float64Array> {
  const { graph: forward } = elaborated(text, { set });
  const [loss] = forward.outputs;
  const only = present(loss, 'a loss');
  const graph = autodiff.run({ ...forward, outputs: [only], block: { ...forward.block, results: [only.value] } });
  const weights = new Map<WeightId, Float64Array>(
    graph.weights.map((w) => {
      const parts = w.members.map((m) => [...testWeight(nameOf(m.name), elementsOf(w.axes))].map((x) => change(x)));
      return [w.id, Float64Array.from(parts.flat())];
    }),
  );
  const inputs = new Map(
    graph.inputs.map((i) => [i.name, Float64Array.from(testTokens(i.name, elementsOf(i.type.axes), 13))]),
  );
  const found = interpret(graph, { inputs, weights, runtime: { step: 0, lr: 0 }, seed: 0, micro: 0 });
  const gradients = graph.weights.flatMap(({ id, members }) => {
    const all = found.get(`grad.${id}`);
    const size = (all?.length ?? 0) / members.length;
    return all ? members.map((m, k) => [nameOf(m.name), all.slice(k * size, (k + 1) * size)] as const) : [];
  });
  return new Map([...gradients, ['loss', present(found.get('loss'), 'loss')]]);
}

test('weights of the function are named below the weight, and rules do not select them', () => {
  const own = elaborated(ADAPTED).graph.weights.flatMap((w) => w.members);
  const made = own.filter((m) => m.name.includes('lora'));
  assert.equal(
    made.map((m) => m.name),
    ['wq', 'wv'].flatMap((w) => ['a', 'b'].flatMap((x) => [1, 2, 3].map((l) => `layer.${l}.attn.${w}.lora.${x}`))),
  );
  for (const { name, freeze } of own) assert.is(freeze, !name.includes('lora'), name);
});

test('only what trains has a gradient and moments', () => {
  const text = `${ADAPTED}train Llama() { batch = 3; time = 5; steps = 1 }`;
  const { segments, weights } = compileText(text).plan;
  const trained = weights.filter((w) => !w.freeze);
  const end = Math.max(...trained.map((w) => w.offset + w.bytes));
  for (const role of ['gradients', 'moment1', 'moment2']) {
    const bytes = segments.filter((s) => s.role === role).reduce((sum, s) => sum + s.bytes, 0);
    assert.ok(bytes >= end && bytes < end + 256, `${role}: ${bytes} bytes for ${end}`);
  }
});

const SMALL = `fn Scaled(w: [row, ..out]) { param scale: [..out] ~ 1; return w * scale / norm(w, over = row) }
model Small(vocab: axis = 61, width: axis = 6, hidden: axis = 5, depth = 4)(tokens: int[batch, time], targets: int[batch, time]) {
  param table: [vocab -> width] ~ 1
  param shared: [width -> hidden] ~ 1
  x = table[vocab = tokens]
  for layer in 1..depth {
    param up: [width -> hidden] ~ 1
    param down: [hidden -> width] ~ 1
    x = x + tanh(x @ up + x @ shared) @ down
  }
  logits = x @ table
  loss = mean(cross_entropy(logits, targets, over = vocab), where = targets >= 0)
  weights **.{table, shared, up, down} { via = Scaled }
}
`;
/** The same with the function written at each use. */
const BY_HAND = SMALL.replace(/ {2}weights .*\n/, '')
  .replace('  x = table', '  table_ = Scaled(table)\n  shared_ = Scaled(shared)\n  x = table')
  .replace('    x = x + ', '    up_ = Scaled(up)\n    down_ = Scaled(down)\n    x = x + ')
  .replace('x = table[', 'x = table_[')
  .replace('x @ up + x @ shared) @ down', 'x @ up_ + x @ shared_) @ down_')
  .replace('x @ table\n', 'x @ table_\n');

test('every use sees the function: loss and gradients are those of the function written at each use', () => {
  const [via, byHand] = [run(SMALL), run(BY_HAND, { nameOf: (name) => name.replace('_.', '.') })];
  assert.is(via.size, 1 + 2 * (2 + 4 * 2));
  assert.equal([...via.keys()].sort(), [...byHand.keys()].sort());
  for (const [name, expected] of byHand)
    for (const [i, x] of present(via.get(name), name).entries())
      assert.ok(Math.abs(x - (expected[i] ?? Number.NaN)) <= 1e-12, `${name}[${i}]`);
});

// Weights that are shared, tied, seen by a score, in loops that are cut, written out, or nested, and read as fields.
for (const name of ['albert', 'alibi', 'attention_residuals', 'early_exits', 'gpas', 'mhc', 'mix_ln', 'short_conv'])
  test(`a function of all weights of ${name} is done to all uses, and its gradient is that of a chain`, () => {
    const text = textOf(`gallery/${name}.tfm`);
    const changed = text.replace(/^train .*\{$/m, '$&\n  weights ** { via = w => 1.5 * w + 0.1 }');
    const set = smallSizes(text);
    const [found, expected] = [run(changed, { set }), run(text, { set, change: (x) => 1.5 * x + 0.1 })];
    assert.equal([...found.keys()], [...expected.keys()]);
    assert.ok(found.size > 5);
    for (const [key, values] of expected) {
      const factor = key === 'loss' ? 1 : 1.5;
      for (const [i, x] of present(found.get(key), key).entries())
        assert.ok(Math.abs(x - factor * (values[i] ?? Number.NaN)) <= 1e-12 * (1 + Math.abs(x)), `${key}[${i}]`);
    }
    assert.equal(bodiesOf(changed, set), bodiesOf(text, set));
  });

test('depth stays a loop; what all layers share is computed once, before it', () => {
  assert.equal(bodiesOf(SMALL), [[['1', '4', true]]]);
  const { graph } = elaborated(SMALL);
  const norms = graph.block.ops.filter((op) => op.kind === 'unary' && op.attrs.fn === 'sqrt').length;
  assert.is(norms, 2, 'of the table and of the shared matrix');
  const text = `${ADAPTED}train Llama() { batch = 3; time = 5; steps = 1 }`;
  const hashes = (depth: number) =>
    new Set(compileText(text, { set: [`depth=${depth}`] }).plan.kernels.map((k) => k.hash));
  assert.equal(hashes(12), hashes(96));
});

test('iterations elaborated at once and one by one are the same program', () => {
  for (const text of [SMALL, ADAPTED.replace('depth = 3', 'depth = 5')]) {
    const [a, b] = [elaborated(text), elaborated(text, { atOnce: false })];
    assert.equal(weightNames(a).toSorted(), weightNames(b).toSorted());
    assert.equal(a.report.length, b.report.length);
  }
});

test('a rule for some layers cuts the range there', () => {
  const some = withRules(LORA, 'weights layer.5.** { via = id }', 'weights layer.5.attn.wq { via = Lora() }');
  assert.equal(bodiesOf(some, ['depth=8']), [
    [
      ['1', '4', true],
      ['5', '5', false],
      ['6', '8', true],
    ],
  ]);
  assert.equal(
    weightNames(elaborated(some, { set: ['depth=8'] })).filter((name) => name.includes('lora')),
    ['layer.5.attn.wq.lora.a', 'layer.5.attn.wq.lora.b'],
  );
});

test('functions may depend on the layer, choose by rules of their own, and nest', () => {
  const fn = `fn Gain(w: [row, ..out]) { param g: [..out] ~ 1; return w * g }
fn Outer(k)(w: [row, ..out]) {
  param h: [..out] ~ 1 { via = Gain }
  weights h { lr = 0.5 }
  return w * h * k
}
`;
  const text = withRules(fn)
    .replace('    probe', '    weights attn.wq { via = Outer(layer) }\n    probe')
    .replace('for layer in 1..depth {', 'for layer in 1..depth {\n    attn = Attention(heads, kv)')
    .replace('attn = Attention(heads, kv), ', 'attn = attn, ')
    .replace('depth = 3', 'depth = 4');
  const { graph, report } = elaborated(text);
  assert.equal(
    report[0]?.bodies.map(({ loop }) => loop),
    [true],
  );
  const members = graph.weights.flatMap((w) => w.members).filter((m) => m.name.startsWith('layer.2.attn.wq.'));
  assert.equal(
    members.map(({ name, lr }) => [name, lr]),
    [
      ['layer.2.attn.wq.outer.h', 0.5],
      ['layer.2.attn.wq.outer.h.g', 1],
    ],
  );
  const table = graph.block.ops.find((op) => op.kind === 'constant' && op.attrs.values.length === 4);
  assert.equal(table?.kind === 'constant' && table.attrs.values, [1, 2, 3, 4]);
});

test('one instance for several weights is shared by them', () => {
  const text = withRules(LORA, 'both = Lora()', 'weights layer.**.{wk, wv} { via = both }');
  assert.equal(
    weightNames(elaborated(text)).filter((name) => /^both/.test(name)),
    ['both.a', 'both.b'],
  );
});

test('`none` is no function, also where it depends on the layer', () => {
  const text = withRules(LORA)
    .replace('    probe', '    weights attn.wq { via = if layer <= 2 then none else Lora() }\n    probe')
    .replace('for layer in 1..depth {', 'for layer in 1..depth {\n    attn = Attention(heads, kv)')
    .replace('attn = Attention(heads, kv), ', 'attn = attn, ')
    .replace('depth = 3', 'depth = 5');
  assert.equal(bodiesOf(text), [
    [
      ['1', '2', true],
      ['3', '5', true],
    ],
  ]);
  assert.is(weightNames(elaborated(text)).filter((name) => name.endsWith('lora.a')).length, 3);
});

test('what was wrong with a function', () => {
  const errors = (rule: string, fn = ''): readonly string[] =>
    errorsOf(withRules(fn, rule)).map((e) => e.replace(/^\d+:/, ''));
  assert.equal(errors('weights **.wq { via = w => w @ w }'), [
    '30 contract-ambiguous: `w` and `w` share width, kv, group, head: `@` cannot tell which to contract ' +
      '(write `@[head]` to sum over head and keep the others, or name several)',
  ]);
  assert.equal(errors('weights embed.table { via = w => w > 0 }'), [
    '31 weight-function-type: `via` makes a tensor bool[vocab, width] of `embed.table`, which is [vocab, width] ' +
      '[std/linear.tfm:12:3 the weight is declared here] (give a float tensor with the axes of the weight)',
  ]);
  assert.equal(errors('weights layer.**.wq { via = w => w * mean(final) }'), [
    '31 weight-function-captures: the function of `via` uses `final.rms_norm` of the model around it ' +
      '(use the weight alone, and make what else it takes in the function)',
  ]);
  assert.equal(errors('weights logits.** { via = w => w * mean(embed.table) }'), [
    '29 weight-function-captures: the function of `via` uses `embed.table` of the model around it ' +
      '(use the weight alone, and make what else it takes in the function)',
  ]);
  const again = 'fn Again()(w: [row, ..out]) { param g: [row, ..out] ~ 1 { via = Again() }; return w * g }\n';
  assert.equal(errors('weights embed.table { via = Again() }', again), [
    '65 recursion: `Again` calls itself (3:65 -> 3:65) [3:4 declared here] (use `for`; depth must be known when compiling)',
  ]);
  assert.equal(errors('weights embed.lora.a { lr = 2 }\n  weights embed.table { via = Lora() }', LORA), [
    '11 rule-selects-nothing: `embed.lora.a` selects no weight (a weight is called `embed.table` here; tfm params lists all)',
  ]);
});

test.run();
