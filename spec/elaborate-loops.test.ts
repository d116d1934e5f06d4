/** Loops over depth: elaborated at once or one by one they are the same program, with as few bodies as can be. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { interpret } from '../src/backends/reference/interpret.ts';
import { elaborated, LLAMA } from './support/elaborated.ts';
import { same } from './support/same-program.ts';

/** Bodies by their first and last layer; those that are no loop in parentheses. */
function bodies(
  text: string,
  set: readonly string[] = [],
  options: { atOnce?: boolean; want?: 'probes' } = {},
): string {
  const { report } = elaborated(text, { set, ...options });
  return report
    .map(({ variable, bodies: all }) => {
      const shown = all.map(({ first, last, loop }) => (loop ? `${first}-${last}` : `(${first}-${last})`));
      return `${variable} ${shown.join(' ')}`;
    })
    .join('; ');
}

const SCHEMES = [
  'PreNorm',
  'LNS',
  'PostNorm',
  'DeepNorm',
  'Sandwich',
  'PeriLN',
  'OLMo2',
  'MixLN()',
  'Parallel',
  'GPAS()',
  'GPAS(base = LNS)',
  'ReZero',
  'SkipInit()',
  'LayerScale()',
  'KEEL',
  'B2T',
  'ResiDual',
  'CompleteP()',
];

for (const scheme of SCHEMES) {
  const text = scheme === 'ResiDual' ? LLAMA.replace('var(x,', 'var(x[1],') : LLAMA;
  test(`${scheme} is the same at once and one by one`, () =>
    same(text, ['width=12', 'hidden=16', 'depth=6', `scheme=${scheme}`]));
}

test('equal layers are one loop, whose constants are tables', () => {
  for (const depth of [2, 3, 4, 12]) {
    for (const scheme of ['PreNorm', 'LNS', 'DeepNorm', 'GPAS()', 'ResiDual', 'Sandwich']) {
      assert.is(bodies(LLAMA, [`depth=${depth}`, `scheme=${scheme}`]), `layer 1-${depth}`, scheme);
    }
  }
  const { graph } = elaborated(LLAMA, { set: ['depth=4', 'scheme=LNS'] });
  const tables = graph.block.ops.filter((op) => op.kind === 'constant' && op.attrs.values.length === 4);
  assert.is(tables.length, 2);
});

test('an `if` on the layer makes two loops, and the report says where they part', () => {
  assert.is(bodies(LLAMA, ['depth=12', 'scheme=MixLN()']), 'layer 1-3 4-12');
  assert.is(bodies(LLAMA, ['depth=12', 'scheme=MixLN()'], { atOnce: false }), 'layer 1-3 4-12');
  const [report] = elaborated(LLAMA, { set: ['depth=16', 'scheme=MixLN()'] }).report;
  assert.equal(
    report?.breaks.map(({ before, reason }) => `${before}: ${reason}`),
    ['5: `l <= floor(post * L)` differs'],
  );
});

test('a window that alternates is a table, not a second body', () => {
  const text = LLAMA.replace(
    'Attention(heads, kv)',
    'Attention(heads, kv, mask = causal(window = if layer % 2 == 1 then 2 else inf))',
  ).replace('use std.{', 'use std.{causal, ');
  assert.is(bodies(text, ['depth=8'], { atOnce: false }), 'layer 1-8');
  same(text, ['depth=8']);
});

test('a value of the first layer is used by the others', () => {
  const text = LLAMA.replace('  for layer', '  v1 = none\n  for layer').replace(
    '    x = scheme.block(x, (attn = Attention(heads, kv), ffn',
    `    attn = Attention(heads, kv, v = if layer == 1 then (y, t) => y else (y, t) => { param s: [] ~ 0.5; return s * y + (1 - s) * v1 })
    if layer == 1 { v1 = attn.value }
    x = scheme.block(x, (attn = attn, ffn`,
  );
  const fixed = text.replace(/( {4}if layer == 1 \{ v1 = attn.value \}\n)(.*\n)/, '$2$1');
  assert.is(bodies(fixed, ['depth=8']), 'layer (1-1) 2-8');
  same(fixed, ['depth=8']);
});

test('lists that grow with depth are written out', () => {
  const text = LLAMA.replace(
    'model Llama',
    `Dense = (
  enter = (x, N) => (x, [x]), leave = ((x, hs), N) => N(x),
  block = ((x, hs), fs, N, l, L) => {
    hs = append(hs, PreNorm.block(x, fs, N, l, L))
    axis past = len(hs)
    param a: [past] ~ onehot(len(hs) - 1)
    return (a @ stack(hs, past), hs)
  },
)
model Llama`,
  ).replace('    probe variance = mean(var(x, over = width))\n', '');
  assert.is(bodies(text, ['depth=4', 'scheme=Dense']), 'layer (1-1) (2-2) (3-3) (4-4)');
  same(text, ['depth=4', 'scheme=Dense']);
});

test('lists of what layers give are gathered from the loop', () => {
  const text = LLAMA.replace('  for layer', '  hs = []\n  for layer')
    .replace('    probe', '    hs = append(hs, x)\n    probe')
    .replace(
      'final = scheme.leave(x, N)',
      'axis past = depth\n  final = scheme.leave(sum(stack(hs, past), over = past) + hs[2], N)',
    );
  assert.is(bodies(text, ['depth=5']), 'layer 1-5');
  same(text, ['depth=5']);
});

test('streams that change places are carried', () => {
  const text = LLAMA.replace(
    'model Llama',
    `Swap = (enter = (x, N) => (x, 2 * x), leave = ((a, b), N) => N(a + b), block = ((a, b), fs, N, l, L) => (b + fs.attn(N(a)), a + fs.ffn(N(b))))
model Llama`,
  ).replace('    probe variance = mean(var(x, over = width))\n', '');
  assert.is(bodies(text, ['depth=6', 'scheme=Swap']), 'layer 1-6');
  same(text, ['depth=6', 'scheme=Swap']);
});

test('stacks of stacks keep one body', () => {
  const text = LLAMA.replace('for layer in 1..depth {', 'for stage in 1..4 { for layer in 1..depth {').replace(
    'over = width))\n  }',
    'over = width))\n  } }',
  );
  assert.is(bodies(text, ['depth=2']), 'stage 1-4');
  same(text, ['depth=2']);
});

test('random numbers of a layer are its own, however the loop is compiled', () => {
  const text = LLAMA.replace('x = scheme.block(', 'x = dropout(x, 0.3)\n    x = scheme.block(');
  same(text, ['depth=5']);
});

test('a loop carries what it rebinds, and nothing else', () => {
  const text = `model M(n: axis = 4)(x: [batch, n]) {
    param w: [n] ~ 1
    y = x
    k = 0
    for i in 1..5 { k = k + i; z = y * w; y = z + k }
    loss = mean(y)
  }`;
  const ones = elaborated(text).graph;
  const found = interpret(ones, {
    inputs: new Map([['x', new Float64Array(12)]]),
    weights: new Map([['w' as never, Float64Array.of(1, 1, 1, 1)]]),
    runtime: { step: 0, lr: 0 },
    seed: 0,
    micro: 0,
  });
  assert.is(found.get('loss')?.[0], 35);
});

test.run();
