/** Specs for the tests of lints: one that is warned of, with the text of the warning, and others that are not. */
import type { Lint } from '../../src/compiler/lints/lint.ts';

/** A small model, with what differs. */
export interface Linted {
  /** What one branch makes of x; `scheme` names one of the library instead. */
  readonly site?: string;
  readonly scheme?: string;
  readonly bare?: boolean;
  readonly advice?: string;
  readonly lr?: string;
  readonly micro?: number;
  /** Statements at the beginning of the model, in its loop, and in front of its loss. */
  readonly head?: string;
  readonly inside?: string;
  readonly end?: string;
  readonly attention?: string;
  /** Declarations, and names to `use`. */
  readonly top?: string;
  readonly uses?: string;
  readonly plus?: string;
}

export function lintedSpec(linted: Linted): string {
  const {
    site,
    scheme,
    bare,
    advice,
    lr = '1e-3',
    micro,
    head,
    inside,
    end,
    attention = '',
    top,
    uses = '',
    plus = '',
  } = linted;
  const leave = bare ? 'leave = bare, ' : '';
  const more = advice === undefined ? '' : `, advice = ${advice}`;
  const lines = [
    `use std.{Attention, Embedding, Linear, RMSNorm, SwiGLU${uses}}`,
    `use std.schemes.{${scheme ?? `Scheme${bare ? ', bare' : ''}`}}`,
    top,
    scheme === undefined ? `Mine = Scheme(${leave}site = (x, f, N, l, L) => ${site}${more})` : undefined,
    `model M(vocab: axis = 61, width: axis = 24, depth = 12, hidden: axis = 40, scheme = ${scheme ?? 'Mine'},`,
    '        N = x => RMSNorm()(x))(tokens: int[batch, time], targets: int[batch, time]) {',
    head && `  ${head}`,
    '  x = scheme.enter(Embedding(vocab, width)(tokens), N)',
    '  for layer in 1..depth {',
    inside && `    ${inside}`,
    `    fs = (attn = Attention(3${attention}), ffn = SwiGLU(hidden))`,
    '    x = scheme.block(x, fs, N, layer, depth)',
    '  }',
    '  logits = Linear(vocab)(scheme.leave(x, N))',
    end && `  ${end}`,
    `  loss = mean(cross_entropy(logits, targets, over = vocab), where = targets >= 0)${plus}`,
    '}',
    'train M() {',
    '  data = text("*.txt", tokenizer = bytes)',
    '  batch = 4',
    micro === undefined ? undefined : `  micro = ${micro}`,
    '  time = 16',
    '  steps = 8',
    `  lr = ${lr}`,
    '}',
  ];
  return `${lines.filter((line) => line !== undefined).join('\n')}\n`;
}

interface Cases {
  readonly warns: Linted;
  readonly text: string;
  /** First the repaired one, then near ones. */
  readonly clean: readonly Linted[];
}

const PRE = 'x + f(N(x))';
const SHRUNK = 'weights **.{wo, w_down} { init = normal(0.02 / sqrt(2 * depth)) }';
const BALANCE = 'p = mean(mean(softmax(logits, over = vocab), over = time), over = batch)';
const GATE = (over: string): string => `s = mean(logits, over = vocab)\n  gate = float(s >= max(s, over = ${over}))`;
const ORDER = (sum: string): string => `param a: [width, hidden] ~ 0\n  param b: [hidden, width] ~ 0\n  c = ${sum}`;

export const LINTED: readonly { readonly name: Lint['name']; readonly cases: Cases }[] = [
  {
    name: 'scale-before-norm',
    cases: {
      warns: { site: 'x + f(N(x / sqrt(l)))' },
      text: `a.tfm:3:49: warning: this constant scale has no effect: everything that reads it is normalised first [scale-before-norm]
 3 │ Mine = Scheme(site = (x, f, N, l, L) => x + f(N(x / sqrt(l))))
   │                                                 ^^^^^^^^^^^
  help: scale what the norm gives, \`N(x) / sqrt(l)\`, or drop the scale`,
      // A factor on the branch in the sum, and a scale that a norm and something else read.
      clean: [{ site: 'x + f(N(x) / sqrt(l))' }, { site: 'x + N(f(x) / sqrt(l) + x)', lr: 'warmup(4)' }],
    },
  },
  {
    name: 'scale-after-sum',
    cases: {
      warns: { site: '(x + f(N(x))) / sqrt(l)' },
      text: `a.tfm:3:42: warning: the residual sum itself is scaled by layer, from 1 to 0.2887, so the stream of every earlier layer fades or grows [scale-after-sum]
 3 │ Mine = Scheme(site = (x, f, N, l, L) => (x + f(N(x))) / sqrt(l))
   │                                          ^^^^^^^^^^^^^^^^^^^^^^
  help: scale the branch or its norm, \`x + f(N(x) / sqrt(l))\`, and leave the stream alone`,
      // One factor for all layers is another matter, and so is a scale on the branch.
      clean: [{ site: 'x + f(N(x)) / sqrt(l)' }, { site: '(x + f(N(x))) / sqrt(2)' }],
    },
  },
  {
    name: 'norm-cancels-scale',
    cases: {
      warns: { scheme: 'LNS', attention: ', q = (y, t) => rope(unit(y), t)', uses: ', rope, unit' },
      text: `a.tfm:8:9: warning: queries and keys are normalised behind this scale, which cancels it there: it reaches the values of attention only [norm-cancels-scale]
 8 │     x = scheme.block(x, fs, N, layer, depth)
   │         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  std/schemes.tfm:28:46
 28 │ LNS = Scheme(site = (x, f, N, l, L) => x + f(N(x) / sqrt(l)),
    │                                              -------------- here
  help: if that is meant, say so with an allowance; else drop the norm of queries and keys, or scale the scores by \`1 / l\``,
      clean: [
        { scheme: 'LNS' },
        { scheme: 'PreNorm', attention: ', q = (y, t) => rope(unit(y), t)', uses: ', rope, unit' },
        { scheme: 'LNS', attention: ', k = (y, t) => rope(unit(y), t)', uses: ', rope, unit' },
      ],
    },
  },
  {
    name: 'scaled-init',
    cases: {
      warns: { scheme: 'LNS', head: SHRUNK },
      text: `a.tfm:5:3: warning: \`layer.12.attn.wo\` begins with deviation 0.004082, which is 0.02 shrunk for a depth of 12, and the scheme asks for a plain init [scaled-init]
 5 │   weights **.{wo, w_down} { init = normal(0.02 / sqrt(2 * depth)) }
   │   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  help: leave the init as it is declared (Sun et al. 2025, arXiv 2502.05795, Table 6)`,
      clean: [
        { scheme: 'LNS' },
        { scheme: 'PreNorm', head: SHRUNK },
        { scheme: 'LNS', head: 'weights **.wo { init = normal(0.01) }' },
      ],
    },
  },
  {
    name: 'depth-constant',
    cases: {
      warns: { site: 'N(2.828 * x + f(x))', bare: true },
      text: `a.tfm:3:57: warning: the factor 2.828 of the stream is the one for 32 layers, and the model has 12 [depth-constant]
 3 │ Mine = Scheme(leave = bare, site = (x, f, N, l, L) => N(2.828 * x + f(x)))
   │                                                         ^^^^^^^^^
  help: for 12 layers it is 2.213 (Wang et al. 2022, arXiv 2203.00555, fig. 2); write it in terms of \`L\``,
      clean: [
        { site: 'N((2 * L) ^ 0.25 * x + f(x))', bare: true },
        { site: 'N(2.2134 * x + f(x))', bare: true },
        { site: 'N(2.1 * x + f(x))', bare: true },
        { site: 'N(sqrt(L) * x + f(x))', bare: true, advice: '(residual = L => sqrt(L), source = "a paper")' },
      ],
    },
  },
  {
    name: 'missing-warm-up',
    cases: {
      warns: { scheme: 'PostNorm' },
      text: `a.tfm:8:9: warning: the residual sum is normalised, and the learning rate begins at 0.001 of a peak of 0.001, without a warm-up [missing-warm-up]
  8 │     x = scheme.block(x, fs, N, layer, depth)
    │         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    ⋮
 18 │   lr = 1e-3
    │   --------- the learning rate
  std/schemes.tfm:25:61
 25 │ PostNorm = Scheme(leave = bare, site = (x, f, N, l, L) => N(x + f(x)))
    │                                                             -------- here
  help: multiply the learning rate by \`warmup(n)\`, or normalise the branch: \`x + f(N(x))\``,
      clean: [{ scheme: 'PostNorm', lr: '1e-3 * warmup(4)' }, { scheme: 'PreNorm' }, { scheme: 'ResiDual' }],
    },
  },
  {
    name: 'unnormalised-end',
    cases: {
      warns: { site: PRE, bare: true },
      text: `a.tfm:11:12: warning: the branches of this stream read it through a norm, and what follows the loop reads it without one [unnormalised-end]
 11 │   logits = Linear(vocab)(scheme.leave(x, N))
    │            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  std/linear.tfm:7:10
 7 │   return x[c -> row] @ w
   │          --------------- here
  help: end with a norm: \`final = N(x)\`, or \`leave = (x, N) => N(x)\` in the scheme`,
      clean: [{ site: PRE }, { scheme: 'ReZero' }, { site: 'N(x + f(x))', bare: true, lr: '1e-3 * warmup(4)' }],
    },
  },
  {
    name: 'batch-dependent',
    cases: {
      warns: { site: PRE, end: GATE('batch'), plus: ' + mean(gate)' },
      text: `a.tfm:13:16: warning: this value of one sequence depends on the other sequences of its batch [batch-dependent]
 13 │   gate = float(s >= max(s, over = batch))
    │                ^^^^^^^^^^^^^^^^^^^^^^^^^
    │                     -------------------- reduced over the batch
  help: reduce over \`time\` or channels only, or decide by a fixed threshold, as sampling has to`,
      clean: [
        { site: PRE, end: GATE('time'), plus: ' + mean(gate)' },
        { site: PRE, plus: ' + mean(logits)' },
      ],
    },
  },
  {
    name: 'split-batch-mean',
    cases: {
      warns: { site: PRE, micro: 2, end: BALANCE, plus: ' + sum(p * p, over = vocab)' },
      text: `a.tfm:13:89: warning: a step has 2 micro-batches, and this is not linear in what was reduced over the batch, so it is not that of the whole batch [split-batch-mean]
 12 │   p = mean(mean(softmax(logits, over = vocab), over = time), over = batch)
    │       -------------------------------------------------------------------- reduced over one micro-batch
 13 │ …s_entropy(logits, targets, over = vocab), where = targets >= 0) + sum(p * p, over = vocab)
    │                                                                        ^^^^^
  help: set \`micro\` to the whole batch, or use a term that is a mean over sequences`,
      clean: [
        { site: PRE, micro: 4, end: BALANCE, plus: ' + sum(p * p, over = vocab)' },
        { site: PRE, micro: 2, end: BALANCE, plus: ' + 2 * sum(p, over = vocab)' },
      ],
    },
  },
  {
    name: 'axis-order',
    cases: {
      warns: { site: PRE, head: ORDER('RMSNorm()(a + b)'), plus: ' + mean(c)' },
      text: `a.tfm:8:17: warning: both sides have the same axes in another order, [width, hidden] and [hidden, width]; the result has that of the left [axis-order]
 8 │   c = RMSNorm()(a + b)
   │                 ^^^^^
  help: bring both into one order, so that what stands last is what you expect`,
      clean: [
        { site: PRE, head: ORDER('RMSNorm()(a + a)').replace(/\n.*b: .*\n/, '\n'), plus: ' + mean(c)' },
        { site: PRE, head: ORDER('a + b'), plus: ' + mean(c)' },
      ].map((one) => ({ ...one })),
    },
  },
  {
    name: 'unused-import',
    cases: {
      warns: { site: PRE, uses: ', LayerNorm' },
      text: `a.tfm:1:57: warning: \`LayerNorm\` is brought in and never used [unused-import]
 1 │ use std.{Attention, Embedding, Linear, RMSNorm, SwiGLU, LayerNorm}
   │                                                         ^^^^^^^^^
  help: remove it from the \`use\``,
      clean: [
        { site: PRE },
        { site: PRE, uses: ', unit', top: 'Other = Scheme(site = (x, f, N, l, L) => x + f(unit(x)))' },
      ],
    },
  },
  {
    name: 'unused-binding',
    cases: {
      warns: { site: PRE, inside: 'before = x' },
      text: `a.tfm:8:5: warning: \`before\` is bound and never used [unused-binding]
 8 │     before = x
   │     ^^^^^^
  help: remove it, or begin its name with \`_\``,
      clean: [
        { site: PRE },
        { site: PRE, inside: '_before = x' },
        { site: PRE, inside: 'before = x\n    probe change = mean((before - x) ^ 2)' },
      ],
    },
  },
  {
    name: 'unused-weight',
    cases: {
      warns: { site: PRE, head: 'param spare: [width] ~ 0' },
      text: `a.tfm:6:3: warning: the weight \`spare\` is declared and no value uses it [unused-weight]
 6 │   param spare: [width] ~ 0
   │   ^^^^^^^^^^^^^^^^^^^^^^^^
  help: remove the \`param\``,
      clean: [
        { site: PRE, head: 'param spare: [width] ~ 0', plus: ' + mean(spare)' },
        { site: PRE, head: 'param spare: [width] ~ 0\n  probe size = mean(spare)' },
      ],
    },
  },
  {
    name: 'unused-probe',
    cases: {
      warns: { site: PRE, top: 'fn Looked(x) {\n  probe size = mean(x)\n  return x\n}' },
      text: `a.tfm:4:9: warning: nothing looks at the probe \`size\`: \`Looked\`, in which it stands, is never used [unused-probe]
 4 │   probe size = mean(x)
   │         ^^^^
  help: use \`Looked\`, or remove the probe`,
      clean: [
        { site: PRE, top: 'fn Looked(x) {\n  probe size = mean(x)\n  return x\n}', inside: 'x = Looked(x)' },
        { site: PRE, head: 'probe size = mean(float(tokens))' },
      ],
    },
  },
  {
    name: 'padded-axis',
    cases: {
      warns: { site: PRE, head: 'axis inner = 341\n  param a: [width -> inner] ~ 0', plus: ' + mean(N(x) @ a)' },
      text: `a.tfm:6:8: warning: \`inner\` has 341 elements, and kernels compute its products for 344 [padded-axis]
 6 │   axis inner = 341
   │        ^^^^^
  help: take 344, or 384, which fits every tile; a vocabulary may be larger than what the tokens use`,
      // Of a product only, and not of small ones.
      clean: [
        { site: PRE, head: 'axis inner = 344\n  param a: [width -> inner] ~ 0', plus: ' + mean(N(x) @ a)' },
        { site: PRE, head: 'axis inner = 341\n  param a: [width, inner] ~ 0', plus: ' + mean(a * a)' },
        { site: PRE, head: 'axis inner = 61\n  param a: [width -> inner] ~ 0', plus: ' + mean(N(x) @ a)' },
      ],
    },
  },
  {
    name: 'future-undecided',
    cases: {
      warns: { site: PRE, attention: ', mask = (i, j) => j <= i or j < 2' },
      text: `a.tfm:3:45: warning: it cannot be told whether \`logits.linear\` at a position depends on tokens after it: logits.linear <- rms_norm <- layer.ffn.x <- layer.attn.x <- layer.attn <- layer.attn.o <- attend(query, key, value, over = time, on = head, scale = 1… [future-undecided]
 3 │ Mine = Scheme(site = (x, f, N, l, L) => x + f(N(x)))
   │                                             ^^^^^^^
  std/attention.tfm:39:11
 39 │   o = out(attend(query, key, value, over = time, on = head, scale = 1 / sqrt(head), mask = mask, score = score…
    │           ---------------------------------------------------------------------------------------------------- here
  help: if it does not, say so with \`// allow: future-undecided\`; if it may, with \`causal = false\` in the train block`,
      clean: [
        { site: PRE, attention: ', mask = (i, j) => j <= i and i - j < 2' },
        { site: PRE, attention: ', mask = (i, j) => not (j > i or i - j >= 4)' },
        { site: PRE, end: 'loss_of_mean = mean(x)', plus: ' + 0.01 * loss_of_mean' },
      ],
    },
  },
];
