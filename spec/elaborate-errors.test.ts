/** What the language refuses, and with which words. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { errorsOf, LLAMA } from './support/elaborated.ts';

/** A model with weights v [width], u [other], t [wide] and w [width, wide]; the text begins in line 6. */
function body(text: string): string {
  return `model M(width: axis = 6, other: axis = 6, wide: axis = 8)(tokens: int[batch, time], targets: int[batch, time]) {
  param w: [width -> wide] ~ 1
  param v: [width] ~ 1
  param u: [other] ~ 1
  param t: [wide] ~ 1
${text}
  loss = sum(v)
}`;
}

const library = (names: string, text: string): string => `use std.{${names}}\n${body(text)}`;

const CASES: readonly (readonly [string, string, readonly string[]])[] = [
  [
    '`if` on a tensor',
    body('  if v > 0 { y = v }'),
    [
      '6:6 condition-on-tensor: the condition `v > 0` depends on a tensor; both sides would be needed (use `where(v > 0, a, b)`)',
    ],
  ],
  [
    '`if … then` on a tensor',
    body('  y = if sum(v) > 0 then v else -v'),
    [
      '6:10 condition-on-tensor: the condition `sum(v) > 0` depends on a tensor; both sides would be needed (use `where(sum(v) > 0, a, b)`)',
    ],
  ],
  [
    'recursion',
    `fn f(x) = g(x)\nfn g(x) = f(x)\n${body('  y = f(v)')}`,
    [
      '1:11 recursion: `g` calls itself (1:11 -> 2:11 -> 1:11) [2:4 declared here] (use `for`; depth must be known when compiling)',
    ],
  ],
  [
    'bare @ with two shared axes',
    body('  y = w @ w'),
    [
      '6:7 contract-ambiguous: `w` and `w` share width, wide: `@` cannot tell which to contract (write `@[wide]` to sum over wide and keep the others, or name several)',
    ],
  ],
  [
    'bare @ without a shared axis',
    body('  y = v @ t'),
    [
      '6:7 contract-nothing: `v` [width] and `t` [wide] share no axis [1:9 `width` of size 6 is declared here] [1:43 `wide` of size 8 is declared here] (`@[]` is the outer product)',
    ],
  ],
  [
    'bare @ with axes of equal size',
    body('  y = v @ u'),
    [
      '6:7 contract-nothing: `v` [width] and `u` [other] share no axis [1:9 `width` of size 6 is declared here] [1:26 `other` of size 6 is declared here] (rename first: `u[other -> width]`; `@[]` is the outer product)',
    ],
  ],
  [
    'axes of equal size that differ',
    body('  y = v + u'),
    [
      '6:7 axes-differ: width (6, 1:9) and other (6, 1:26) are both of size 6 but different axes [1:9 `width` of size 6 is declared here] [1:26 `other` of size 6 is declared here] (if they mean the same, rename one: `x[other -> width]`)',
    ],
  ],
  [
    'broadcasting both ways',
    body('  y = v @[] u\n  z = y + w'),
    [
      '7:7 no-broadcast: the left side lacks wide (8, 1:43), the right side lacks other (6, 1:26); nothing broadcasts both ways [1:26 `other` of size 6 is declared here] [1:43 `wide` of size 8 is declared here] (if the outer product is meant, write `a @[] b`)',
    ],
  ],
  [
    'one axis twice',
    body('  param q: [width, width] ~ 1'),
    [
      '6:20 weight-axis-twice: the weight has the axis `width` twice (add `axis row = width` and write `row` for one of them)',
    ],
  ],
  [
    'a carried tensor that changes its type',
    body('  y = v\n  for i in 1..3 { y = y @ w }'),
    [
      "7:19 carried-type-changes: `y` is [width] before the loop's body and [wide] after it [7:3 the loop that carries it] (bind another name, or keep a list)",
    ],
  ],
  [
    'an instance at the top level',
    `use std.{RMSNorm}\nN = RMSNorm()\n${body('  y = N(v)')}`,
    [
      '2:5 instance-at-top-level: `RMSNorm()` at the top level would be one instance for all models (write a function that makes one: `x => RMSNorm()(x)`)',
    ],
  ],
  [
    'a function where a record is meant',
    LLAMA.replaceAll('PreNorm', 'MixLN'),
    ['6:7 record-wanted: `scheme` is a function where a record is wanted (call it first: `MixLN()`)'],
  ],
  [
    'a field of an instance that was not applied',
    library('RMSNorm', '  n = RMSNorm()\n  y = n.gain'),
    ['8:9 not-applied: `n` has not been applied yet, so it has no `gain` (apply it first)'],
  ],
  [
    'a field that differs between applications',
    library('RMSNorm', '  n = RMSNorm()\n  y = n(v)\n  z = n(2 * v)\n  q = n.x'),
    [
      '10:9 applied-twice: `n` was applied 2 times, with different values of `x` [8:7 applied here] [9:7 and here (9:7)] (bind each application, or make an instance for each)',
    ],
  ],
  [
    'a size that is not integral',
    LLAMA.replace('heads = 3', 'heads = 5'),
    [
      'std/attention.tfm:30:52 not-integral: the size of the axis `head` must be an integer: `width / heads` = 24 / 5 = 4.80 [8:9 called here] (heads must divide width (3, 4, 6 do))',
    ],
  ],
  [
    'one weight with two shapes',
    library('RMSNorm', '  n = RMSNorm()\n  y = n(v)\n  z = n(t)'),
    [
      '9:7 weight-two-shapes: the weight `gain` is shared by two uses but is [width 6] in one and [wide 8] in the other [8:7 here it is [width 6]] (make an instance for each use)',
    ],
  ],
  ['an unknown name', body('  y = vv + 1'), ['6:7 unknown-name: `vv` is not bound (did you mean `v`?)']],
  [
    'a name of the library without use',
    body('  y = RMSNorm()(v)'),
    ['6:7 unknown-name: `RMSNorm` is not bound (add `use std.norm.{RMSNorm}`)'],
  ],
  [
    'reduction of an absent axis',
    body('  y = sum(v, over = wide)'),
    ['6:21 axis-absent: `v` has no axis `wide`: it is [width] [1:43 `wide` of size 8 is declared here]'],
  ],
  [
    'softmax without over',
    body('  y = softmax(v)'),
    ['6:7 over-missing: `softmax` needs `over` (write `softmax(x, over = axis)`)'],
  ],
  [
    'an int tensor in float arithmetic',
    body('  y = tokens / 2\n  z = exp(tokens)'),
    [
      '6:7 wrong-element-kind: `tokens / 2` is int where float is wanted (convert with `float(…)`)',
      '7:11 wrong-element-kind: `tokens` is int where float is wanted (convert with `float(…)`)',
    ],
  ],
  [
    'bool arithmetic',
    body('  y = (v > 0) + 1'),
    ['6:17 kinds-differ: `1` is float and the other side is bool (convert one of them with `float(…)`)'],
  ],
  [
    'a choice between a truth value and a number',
    body('  y = where(v > 0, 1 > 0, 0)'),
    ['6:27 kinds-differ: `0` is float and the other side is bool (convert one of them with `float(…)`)'],
  ],
  [
    'a mask that is not bool',
    library('Attention', '  x = fill(1, batch, time, width)\n  y = Attention(1, mask = (i, j) => i - j)(x)'),
    [
      'std/attention.tfm:39:92 attend-block-type: `mask` must give bool[batch, time, kv, group, key] or fewer of these axes, and gives int[batch, time, kv, group, key] [8:7 called here]',
    ],
  ],
  [
    'a loss that is not a scalar',
    body('').replace('loss = sum(v)', 'loss = v'),
    ['7:3 loss-not-scalar: the loss must be a single float, and is a tensor [width 6] (reduce it: `mean(…)`)'],
  ],
  [
    'list index 0',
    body('  xs = [1, 2]\n  y = xs[0]'),
    ['7:10 index-out-of-range: index 0 is outside of a list of 2 (lists count from 1)'],
  ],
  [
    'a number beyond f32',
    body('  y = v * 1e39'),
    ['6:11 beyond-f32: 1e+39 is beyond the range of f32 (write `inf` for no bound)'],
  ],
  [
    'rebinding from a lambda',
    body('  y = v\n  f = x => { y = x; return y }\n  z = f(v)'),
    [
      '7:14 rebinds-outer: a lambda cannot rebind `y` of the body around it [6:3 bound here, in the body around] (choose another name, or return the value and bind it outside)',
    ],
  ],
  [
    'an axis name bound twice',
    body('  axis width = 5'),
    ['6:8 name-taken: `width` is bound already in this body [1:9 bound here] (choose another name)'],
  ],
  [
    'a pattern that does not fit',
    `fn f(x: [a, b]) = x\n${body('  y = f(v)')}`,
    ['7:9 type-mismatch: `x` is [width], which does not fit [a, b] [1:9 declared here]'],
  ],
  [
    'wrong arguments',
    `fn f(x, scale = 1) = x\n${body('  y = f(v, sclae = 2)\n  z = f()\n  q = f(1, 2, 3)')}`,
    [
      '7:12 unknown-argument: `f` has no parameter `sclae` (did you mean `scale`?)',
      '8:7 missing-argument: `f` needs `x` [1:6 the parameter]',
      '9:15 too-many-arguments: `f` takes 2 arguments and is given 3',
    ],
  ],
  [
    'an index into a tensor',
    body('  y = w[1]'),
    ['6:7 tensor-element: `w` is a tensor: an element is picked along an axis by name (write `w[width = 0]`)'],
  ],
  [
    'a position out of range',
    body('  y = v[width = 6]'),
    ['6:17 position-out-of-range: position 6 is outside of `width`, whose positions are 0..5'],
  ],
  [
    'a split that leaves a rest',
    body('  axis four = 4\n  y = v[width -> four * rest]'),
    [
      '7:9 reshape-size: width has 6 elements, which do not become four * rest of 4 [1:9 `width` of size 6 is declared here]',
    ],
  ],
  [
    'a size that depends on data',
    body('  axis n = sum(v)'),
    [
      '6:12 tensor-where-number: `sum(v)` is a tensor where the size of the axis `n` is wanted, which must be known while compiling (sizes cannot depend on data; for a fixed number of chosen elements use positions and `x[a = ids]`)',
    ],
  ],
  [
    'too many iterations',
    body('  y = v\n  for i in 1..5000 { y = y + 1 }'),
    ['7:3 too-many-iterations: the loop has more than 4096 iterations (within M)'],
  ],
  [
    'modules and names that are not there',
    `use std.{RMSNrom}\nuse std.norm.{Linear}\nuse "./a.tfm".{Y}\n${body('  y = RMSNrom()(v)\n  z = Linear(8)(v)\n  q = Y')}`,
    [
      '3:1 file-unreadable: `./a.tfm` cannot be used: this text stands alone',
      '1:10 unknown-export: `std` has no `RMSNrom` (did you mean `RMSNorm`?)',
      '2:15 unknown-export: `std.norm` has no `Linear` (it is in `std.linear`)',
    ],
  ],
  [
    'attributes',
    body('  param a: [] ~ 1 { dcay = 2 }\n  param b: [] ~ 1 { via = 1 }\n  param c: [width] ~ xavier(1)'),
    [
      '6:21 unknown-attribute: weights have no attribute `dcay` (did you mean `decay`?)',
      '7:27 wrong-kind: 1 stands where a function is wanted',
      '8:3 no-fans: `xavier` needs a weight with an arrow (write the axes as `[from -> to]`, or use `normal(std)`)',
    ],
  ],
  [
    'several errors, and none of those that follow from them',
    body('  a = unknown1\n  b = a + 1\n  c = unknown2 + b\n  d = v + u'),
    [
      '6:7 unknown-name: `unknown1` is not bound',
      '8:7 unknown-name: `unknown2` is not bound',
      '9:7 axes-differ: width (6, 1:9) and other (6, 1:26) are both of size 6 but different axes [1:9 `width` of size 6 is declared here] [1:26 `other` of size 6 is declared here] (if they mean the same, rename one: `x[other -> width]`)',
    ],
  ],
  ['a cycle of bindings', `a = b\nb = a\n${body('  y = a')}`, ['1:1 cyclic-binding: `a` is defined by itself']],
  [
    'no model',
    'x = 1',
    [
      '1:1 no-model: the file declares no model (write `model NAME(…)(tokens: int[batch, time], targets: int[batch, time]) { … }`)',
    ],
  ],
  [
    'keys of a train block',
    `${body('')}\ntrain M() { batch = 2; time = 3; stesp = 4 }`,
    ['9:34 unknown-train-key: a train block has no `stesp` (did you mean `steps`?)'],
  ],
  [
    'a missing key',
    `${body('')}\ntrain M() { batch = 2; time = 3 }`,
    ['9:1 train-key-missing: the train block does not say `steps` (add `steps = …`)'],
  ],
  [
    'values of a train block',
    `${body('')}\ntrain M() { batch = 2; time = 3; steps = 4.5; optimizer = 3; data = 1; lr = -1; micro = 3 }`,
    [
      '9:42 not-integral: `steps` must be an integer, not 4.5',
      '9:69 wrong-kind: 1 stands where a data source: `text(…)` or `tokens(…)` is wanted',
      '9:89 micro-not-divisor: micro-batches of 3 do not divide a batch of 2 (choose a divisor, or `micro = auto`)',
      '9:59 wrong-kind: 3 stands where an optimizer: `adam(…)` or `adamw(…)` is wanted',
      '9:77 out-of-range: `lr` is -1 and must be at least 0',
    ],
  ],
];

for (const [name, text, errors] of CASES) {
  test(name, () => assert.equal(errorsOf(text), errors));
}

const SETTINGS: readonly (readonly [string, string])[] = [
  ['widht=3', '--set:1:1 unknown-setting: there is nothing called `widht` to set (did you mean `width`?)'],
  ['train.lrr=3', '--set:1:1 unknown-setting: there is nothing called `train.lrr` to set (did you mean `train.lr`?)'],
  ['width=3.5', '--set:1:7 not-integral: the size of the axis `width` must be an integer, not 3.5'],
  ['scheme=PostNrom', '--set:1:8 unknown-name: `PostNrom` is not bound (did you mean `PostNorm`?)'],
  ['scheme=MixLN', '6:7 record-wanted: `scheme` is a function where a record is wanted (call it first: `MixLN()`)'],
  ['width=(', '--set:1:7 unclosed-bracket: `(` is never closed (add `)`)'],
  [
    'width',
    '--set:1:6 expected-token: expected `=` after `width` (a value is bound to a name, as in `y = f(x)`; an expression alone does nothing)',
  ],
];

for (const [setting, error] of SETTINGS) {
  test(`--set ${setting}`, () => assert.is(errorsOf(LLAMA, { set: [setting] }).join('\n'), error));
}

test.run();
