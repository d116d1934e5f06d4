import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../src/compiler/diagnostics/diagnostic.ts';
import { requireSameWeights } from '../src/compiler/elaborate/same-weights.ts';
import { elaborated, errorsOf, LLAMA, weightNames } from './support/elaborated.ts';

const BLOCK = [
  'attn.rms_norm.gain',
  'attn.wq',
  'attn.wk',
  'attn.wv',
  'attn.wo',
  'ffn.rms_norm.gain',
  'ffn.w_gate',
  'ffn.w_up',
  'ffn.w_down',
];

function namesWith(scheme: string): readonly string[] {
  return [...weightNames(elaborated(LLAMA, { set: [`scheme=${scheme}`] }))].sort();
}

test('weights are named by bindings, record keys and loops', () => {
  const layers = ['1', '2', '3'].flatMap((layer) => BLOCK.map((name) => `layer.${layer}.${name}`));
  const wanted = ['embed.table', ...layers, 'final.rms_norm.gain', 'logits.linear.w'];
  assert.equal(namesWith('PreNorm'), wanted.sort());
});

test('schemes with one norm for each branch keep the names', () => {
  const wanted = namesWith('PreNorm');
  for (const scheme of ['LNS', 'MixLN()', 'OLMo2']) assert.equal(namesWith(scheme), wanted, scheme);
  const bare = wanted.filter((name) => name !== 'final.rms_norm.gain');
  for (const scheme of ['PostNorm', 'DeepNorm']) assert.equal(namesWith(scheme), bare, scheme);
});

test('two norms of one branch are numbered in the order of the text', () => {
  const names = namesWith('Sandwich').filter((name) => name.startsWith('layer.1.attn.rms'));
  assert.equal(names, ['layer.1.attn.rms_norm_1.gain', 'layer.1.attn.rms_norm_2.gain']);
});

test('one gate of a block is one weight', () => {
  const { graph } = elaborated(LLAMA, { set: ['scheme=GPAS()'] });
  const gate = graph.weights.find((weight) => weight.members[0]?.name === 'layer.1.a');
  assert.equal(gate?.members.length, 3);
  assert.equal(gate?.members[0]?.clip, 0.01);
});

test('an instance outside of the loop is shared by its layers', () => {
  const text = LLAMA.replace('  for layer', '  attn = Attention(heads, kv)\n  ffn = SwiGLU(hidden)\n  for layer')
    .replace('attn = Attention(heads, kv),', 'attn = attn,')
    .replace('ffn = SwiGLU(hidden))', 'ffn = ffn)');
  const names = weightNames(elaborated(text));
  assert.ok(names.includes('attn.wq') && names.includes('ffn.w_up'));
  assert.ok(names.includes('layer.2.attn.rms_norm.gain'));
});

test('rules compose with what was declared, in the order of function, model, training', () => {
  const text = `${LLAMA.replace('  loss =', '  weights **.{wo, w_down} { init = init / sqrt(2 * depth) }\n  loss =')}
train Llama() { batch = 3; time = 5; steps = 1; weights layer.2.** { lr = 0.5 }; weights **.wo { init = 2 * init; freeze = true } }`;
  const { graph } = elaborated(text);
  const member = (name: string) => graph.weights.flatMap((w) => w.members).find((m) => m.name === name);
  assert.equal(member('layer.2.ffn.w_down')?.init, { kind: 'normal', std: 0.02 / Math.sqrt(6) });
  assert.equal(member('layer.1.attn.wo')?.init, { kind: 'normal', std: (0.02 / Math.sqrt(6)) * 2 });
  assert.equal(
    [1, 2, 3].map((l) => member(`layer.${l}.attn.wq`)?.lr),
    [1, 0.5, 1],
  );
  assert.equal([member('layer.1.attn.wo')?.freeze, member('layer.1.attn.wq')?.freeze], [true, false]);
});

test('weights with an arrow decay by default', () => {
  const members = elaborated(LLAMA).graph.weights.flatMap((w) => w.members);
  for (const { name, decay } of members) assert.is(decay, name.endsWith('gain') ? 0 : 1, name);
});

test('DeepNorm initialises queries and keys with gain 1 and the rest with (8L)^(-1/4)', () => {
  const members = elaborated(LLAMA, { set: ['scheme=DeepNorm'] }).graph.weights.flatMap((w) => w.members);
  const std = (name: string) => {
    const init = members.find((m) => m.name === name)?.init;
    return init?.kind === 'normal' ? init.std : undefined;
  };
  assert.is(std('layer.1.attn.wq'), Math.sqrt(2 / 48));
  assert.is(std('layer.1.ffn.w_up'), 24 ** -0.25 * Math.sqrt(2 / 64));
  assert.is(std('logits.linear.w'), 0.02);
});

test('training and inference have the same weights, whatever is wanted', () => {
  const { graph } = elaborated(LLAMA, { set: ['scheme=LNS'] });
  for (const options of [{ training: false }, { want: 'logits' as const }, { want: 'probes' as const }]) {
    assert.equal(elaborated(LLAMA, { set: ['scheme=LNS'], ...options }).graph.weights, graph.weights);
  }
});

test('training cannot have weights of its own, nor loops that cross those of inference', () => {
  const differ = (text: string): string => {
    const [a, b] = [true, false].map((training) => elaborated(text, { training }).graph.weights);
    try {
      requireSameWeights(a ?? [], b ?? []);
    } catch (error) {
      return error instanceof Failure ? (error.diagnostics[0]?.message ?? '') : String(error);
    }
    return '';
  };
  const inSite = (code: string): string =>
    `${LLAMA.replace('use std.schemes.{PreNorm}', `use std.schemes.{Scheme}\nS = Scheme(site = (x, f, N, l, L) => { ${code}; return x + f(N(x)) })`)}`
      .replace('scheme = PreNorm', 'scheme = S')
      .replace('depth = 3', 'depth = 12');
  assert.is(differ(inSite('x = dropout(x, 0.1)')), '');
  assert.is(
    differ(inSite('if training { param alpha: [] ~ 1; x = x * alpha }')),
    'the weight `layer.1.attn.alpha` exists only in training',
  );
  assert.is(differ(inSite('x = if training and l > 2 then 2 * x else x')), '');
  assert.is(
    differ(inSite('x = if (training and l > 2) or (not training and l > 5) then 2 * x else x')),
    'the loop over the layers of `layer.3.attn.rms_norm.gain` is cut at other places in training than in inference',
  );
});

test('a rule must select something', () => {
  const text = LLAMA.replace(
    '  loss =',
    '  weights **.{wo, w_out} { lr = 2 }\n  weights layer.*.atn.wq { lr = 2 }\n  loss =',
  );
  assert.equal(errorsOf(text), [
    '14:11 rule-selects-nothing: `layer.*.atn.wq` selects no weight (did you mean `attn`?)',
  ]);
});

const atEnd = (selector: string, more = '', text = LLAMA): string =>
  text.replace('  loss =', `  ${more}\n  weights ${selector} { lr = 2 }\n  loss =`);

/** The names of the weights that a statement at the end of the model, with `more` before it, gives a learning rate. */
function chosen(selector: string, more = '', text = LLAMA): readonly string[] {
  return quickened(atEnd(selector, more, text));
}

/** The names of weights that were given a learning rate of 2. */
function quickened(text: string): readonly string[] {
  const members = elaborated(text).graph.weights.flatMap((w) => w.members);
  return members.flatMap((m) => (m.lr === 2 ? [m.name] : []));
}

/** LLaMA whose attention is bound to a name in the loop, with `more` behind it. */
const bound = (more: string): string =>
  LLAMA.replace(
    'for layer in 1..depth {',
    `for layer in 1..depth {\n    attn = Attention(heads, kv)\n    ${more}`,
  ).replace('(attn = Attention(heads, kv),', '(attn = attn,');
/** LLaMA with a scheme of the user's own, whose block begins with a statement. */
const inBlock = (statement: string): string =>
  LLAMA.replace(
    'use std.schemes.{PreNorm}',
    `use std.schemes.{Scheme}\nMine = Scheme(block = (x, fs, N, l, L) => { ${statement}; for f in fs { x = x + f(N(x)) }; return x })`,
  ).replace('= PreNorm', '= Mine');
const layers = (name: string): readonly string[] => [1, 2, 3].map((layer) => `layer.${layer}.${name}`);

test('selectors begin at instances, records, lists and paths', () => {
  const two = 'fs = [Linear(width), Linear(width)]; for f in fs { final = f(final) }; both = (a = fs[1], b = fs[2])';
  const all = ['linear_1.w', 'linear_2.w'];
  for (const selector of ['fs.*.w', 'fs.**', 'fs.*.{w, b}', 'both.{a, b}.w', 'both.**.w']) {
    assert.equal(chosen(selector, two), all, selector);
  }
  assert.equal(chosen('fs.2.w', two), ['linear_2.w']);
  assert.equal(chosen('both.a.*', two), ['linear_1.w']);
  assert.equal(chosen('embed.*'), ['embed.table']);
  assert.equal(chosen('*.*'), ['embed.table']);
  assert.equal(chosen('layer.2.{attn, ffn}.{wo, w_up}'), ['layer.2.attn.wo', 'layer.2.ffn.w_up']);
  assert.equal(chosen('layer.{1, 3}.attn.wo'), ['layer.1.attn.wo', 'layer.3.attn.wo']);
  assert.is(chosen('**').length, 30);
});

test('selectors begin at what the body of the rule knows, or go through its names', () => {
  const lr = '{ lr = 2 }';
  assert.equal(quickened(bound(`weights attn.wq ${lr}`)), layers('attn.wq'));
  assert.equal(quickened(bound('weights attn.wq { lr = if layer == 3 then 2 else 1 }')), ['layer.3.attn.wq']);
  for (const selector of ['fs.attn.wo', 'fs.**.wo', 'fs.*.{wo, none_such}'])
    assert.equal(quickened(inBlock(`weights ${selector} ${lr}`)), layers('attn.wo'), selector);
  assert.equal(quickened(inBlock(`weights fs.{attn, ffn}.{wo, w_up} ${lr}`)), [
    ...layers('attn.wo'),
    ...layers('ffn.w_up'),
  ]);
  // What the block itself makes: norms, whose names begin with the key of the branch.
  for (const selector of ['**', '*.rms_norm.gain', 'attn.**'])
    assert.equal(quickened(inBlock(`weights ${selector} ${lr}`)).slice(0, 3), layers('attn.rms_norm.gain'), selector);
});

test('the first iteration says what rules of a loop say of weights that are not of one iteration', () => {
  const own = LLAMA.replace('    probe', '    weights layer.*.attn.wq { lr = layer + 1 }\n    probe');
  const later =
    '  for k in 1..4 { x = x + RMSNorm()(x); weights layer.*.attn.wq { lr = k + 1; via = w => w * k } }\n  final =';
  for (const text of [own, LLAMA.replace('  final =', later)]) {
    for (const atOnce of [true, false]) {
      const { graph } = elaborated(text, { atOnce, set: ['depth=6'] });
      const members = graph.weights.flatMap((w) => w.members).filter(({ name }) => name.endsWith('.attn.wq'));
      assert.equal(
        members.map(({ lr }) => lr),
        [2, 2, 2, 2, 2, 2],
      );
    }
  }
});

test('lists and records that depth is gone through, or that it fills, are selected from', () => {
  const list = bound('all = append(all, attn)').replace('  for layer', '  all = []\n  for layer');
  assert.equal(chosen('all.2.wq', '', list), ['layer.2.attn.wq']);
  assert.equal(chosen('all.{1, 3}.wq', '', list), ['layer.1.attn.wq', 'layer.3.attn.wq']);
  assert.equal(chosen('all.*.wq', '', list), layers('attn.wq'));
  assert.equal(chosen('all.**.wq', '', list), layers('attn.wq'));
  const record = LLAMA.replace('layer in 1..depth', 'part, layer in (low = 1, mid = 2, high = 3)');
  assert.equal(chosen('{low, high}.attn.wq', '', record), ['low.attn.wq', 'high.attn.wq']);
  assert.equal(chosen('*.attn.wq', '', record), ['low.attn.wq', 'mid.attn.wq', 'high.attn.wq']);
});

test('a rule that names what holds weights is told how to select them', () => {
  const errors = (selector: string, more = ''): readonly string[] => errorsOf(atEnd(selector, more));
  assert.equal(errors('embed'), ['14:11 rule-selects-nothing: `embed` selects no weight (did you mean `embed.**`?)']);
  assert.equal(errors('layer.*.attn'), [
    '14:11 rule-selects-nothing: `layer.*.attn` selects no weight (did you mean `layer.*.attn.**`?)',
  ]);
  const record = 'fs = (a = embed, b = embed)';
  assert.equal(errors('fs', record), ['14:11 rule-selects-nothing: `fs` selects no weight (did you mean `fs.**`?)']);
  assert.equal(errors('fs.a', record), [
    '14:11 rule-selects-nothing: `fs.a` selects no weight (did you mean `fs.a.**`?)',
  ]);
  assert.equal(errors('fs.a.tabel', record), [
    '14:11 rule-selects-nothing: `fs.a.tabel` selects no weight (did you mean `table`?)',
  ]);
  assert.equal(errors('N.**'), [
    '14:11 rule-on-function: `N` is a function, which has no weights of its own (select below an instance, or by path)',
  ]);
});

test('equal names from different bodies are an error', () => {
  const text = `fn Branch()(x: [.., c]) = RMSNorm()(x)\n${LLAMA}`.replace(/^(.*)\n(.*)\n/, '$2\n$1\n');
  assert.equal(errorsOf(text.replace('Attention(heads, kv)', 'Branch()'), { set: ['depth=1'] }), [
    '2:27 weight-name-clash: two weights would be called `layer.1.attn.rms_norm.gain` [5:22 one is made here] (bind one of them to a name, as in `norm2 = RMSNorm()`)',
  ]);
});

test.run();
