import { atTop, type ExamplesOf, inBody, inStack } from '../example.ts';
import type { LINTS } from '../lints.ts';

/** A scheme of one line. */
const site = (text: string, more = ''): string => `Mine = Scheme(${more}site = (x, f, N, l, L) => ${text})`;

const BALANCE = 'p = mean(mean(softmax(logits, over = vocab), over = time), over = batch)';
const DATA = '// in the training\ndata = text("a.txt", tokenizer = bytes)';
const GATE = 's = mean(mean(logits, over = vocab), over = time)';

export const LINTS_EXAMPLES: ExamplesOf<typeof LINTS> = {
  'scale-before-norm': inStack(site('x + f(N(x / sqrt(l)))'), site('x + f(N(x) / sqrt(l))')),
  'scale-after-sum': inStack(site('(x + f(N(x))) / sqrt(l)'), site('x + f(N(x)) / sqrt(l)')),
  'missing-warm-up': inStack(
    `${site('N(x + f(x))', 'leave = bare, ')}\n// in the training\nlr = 1e-3`,
    `${site('N(x + f(x))', 'leave = bare, ')}\n// in the training\nlr = 1e-3 * warmup(4)`,
  ),
  'unnormalised-end': inStack(site('x + f(N(x))', 'leave = bare, '), site('x + f(N(x))')),
  'norm-cancels-scale': inStack(
    'use std.{unit}\nuse std.schemes.{LNS}\nMine = LNS\nturned = (y, t) => rope(unit(y), t)',
    'use std.schemes.{LNS}\nMine = LNS\nturned = (y, t) => rope(y, t)',
  ),
  'scaled-init': inStack(
    'use std.schemes.{LNS}\nMine = LNS\n// in the model\nweights **.{wo, w_down} { init = normal(0.02 / sqrt(2 * depth)) }',
    'use std.schemes.{LNS}\nMine = LNS',
  ),
  'depth-constant': inStack(
    `${site('N(2.828 * x + f(x))', 'leave = bare, ')}\n// in the training\nlr = 1e-3 * warmup(4)`,
    `${site('N((2 * L) ^ 0.25 * x + f(x))', 'leave = bare, ')}\n// in the training\nlr = 1e-3 * warmup(4)`,
  ),
  'batch-dependent': inStack(
    `${site('x + f(N(x))')}\n// in the model\n${GATE}\nloss = loss + mean(float(s >= max(s, over = batch)))`,
    `${site('x + f(N(x))')}\n// in the model\n${GATE}\nloss = loss + mean(float(s >= 0.5))`,
  ),
  'split-batch-mean': inStack(
    `${site('x + f(N(x))')}\n// in the model\n${BALANCE}\nloss = loss + sum(p * p)\n// in the training\nbatch = 4\nmicro = 2`,
    `${site('x + f(N(x))')}\n// in the model\n${BALANCE}\nloss = loss + sum(p * p)\n// in the training\nbatch = 4\nmicro = 4`,
  ),
  'future-undecided': inStack(
    `${site('x + f(N(x))')}
// in the model
axis key = time
late = logits[time -> key][key = index(time) % 2]
loss = loss + mean(cross_entropy(late, targets, over = vocab))
${DATA}`,
    `${site('x + f(N(x))')}
// in the model
axis key = time
late = logits[time -> key][key = index(time) - 2]
loss = loss + mean(cross_entropy(late, targets, over = vocab))
${DATA}`,
  ),
  'axis-order': inBody(
    'use std.{RMSNorm}\n// in the model\na = v @[] t\nb = t @[] v\nloss = sum(RMSNorm()(a + b))',
    'use std.{RMSNorm}\n// in the model\na = v @[] t\nb = w * w\nloss = sum(RMSNorm()(a + b))',
  ),
  'unused-import': atTop('use std.{LayerNorm, unit}\nsame = unit', 'use std.{unit}\nsame = unit'),
  'unused-binding': atTop('fn f(x) {\n  y = 2 * x\n  return x\n}', 'fn f(x) {\n  y = 2 * x\n  return y\n}'),
  'unused-weight': inBody('param a: [width] ~ 0', 'param a: [width] ~ 0\nloss = sum(a)'),
  'unused-probe': atTop(
    'fn f(x) {\n  probe size = mean(x)\n  return x\n}',
    'fn f(x) {\n  probe size = mean(x)\n  return x\n}\n// in the model\nloss = mean(f(w))',
  ),
  'padded-axis': inBody(
    'axis hidden = 341\nparam a: [width -> hidden] ~ 0\nloss = mean(v @ a)',
    'axis hidden = 344\nparam a: [width -> hidden] ~ 0\nloss = mean(v @ a)',
  ),
  'unknown-allowance': atTop(
    'use std.{LayerNorm} // allow: unused-import, unused-impart',
    'use std.{LayerNorm} // allow: unused-import',
  ),
  'idle-allowance': atTop('half = 0.5 // allow: unused-import', 'half = 0.5'),
};
