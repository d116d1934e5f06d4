import { atTop, type ExamplesOf, inBody, inTrain, whole } from '../example.ts';
import type { PROGRAM } from '../language-program.ts';

const MODEL = 'model Tiny()(tokens: int[batch, time]) {\n  loss = mean(float(tokens))\n}\n';

export const PROGRAM_EXAMPLES: ExamplesOf<typeof PROGRAM> = {
  'rebinds-outer': inBody(
    'y = v\nf = x => {\n  y = 2 * x\n  return y\n}\nz = f(v)',
    'y = v\nf = x => {\n  z = 2 * x\n  return z\n}\nz = f(y)',
  ),
  'carried-type-changes': inBody('y = v\nfor i in 1..3 { y = y @ w }', 'y = v\nfor i in 1..3 { y = y @ w @ w }'),
  'two-variables': inBody('y = v\nfor i, x in 1..3 { y = y + i }', 'y = v\nfor i, x in [u, u] { y = y + i }'),
  'too-many-iterations': inBody('y = v\nfor i in 1..5000 { y = y + i }', 'y = v\nfor i in 1..50 { y = y + i }'),
  'too-many-steps': inBody(
    'n = 0\nfor i in 1..2000 { for j in 1..2000 { n = n + 1 } }',
    'n = 0\nfor i in 1..20 { for j in 1..20 { n = n + 1 } }',
  ),
  'too-deep': inBody(
    'forever = f => x => f(f)(x)\n// in the model\ny = forever(forever)(v)',
    'twice = f => x => f(f(x))\n// in the model\ny = twice(x => 2 * x)(v)',
  ),
  recursion: inBody(
    'fn power(x, n) = if n == 0 then 1 else x * power(x, n - 1)\n// in the model\ny = power(v, 3)',
    'fn power(x, n) {\n  y = 1\n  for i in 1..n { y = x * y }\n  return y\n}\n// in the model\ny = power(v, 3)',
  ),
  'instance-at-top-level': inBody(
    'use std.{RMSNorm}\nN = RMSNorm()\n// in the model\nloss = sum(N(v))',
    'use std.{RMSNorm}\nN = x => RMSNorm()(x)\n// in the model\nloss = sum(N(v))',
  ),
  'param-at-top-level': inBody(
    'fn learned(start) {\n  param a: [] ~ start\n  return a\n}\nhalf = learned(0.5)\n// in the model\nloss = half * sum(v)',
    'fn learned(start) {\n  param a: [] ~ start\n  return a\n}\n// in the model\nhalf = learned(0.5)\nloss = half * sum(v)',
  ),
  'tensor-at-top-level': inBody(
    'later = step + 1\n// in the model\ny = v * later',
    'later = () => step + 1\n// in the model\ny = v * later()',
  ),
  'model-called': atTop(
    'model Part()(tokens: int[batch, time]) {\n  y = float(tokens)\n}\n// in the model\ny = Part()(tokens)',
    'fn part(ids: int[..]) = float(ids)\n// in the model\ny = part(tokens)',
  ),
  'declared-twice': atTop('half = 0.5\nhalf = 1 / 2', 'half = 0.5'),
  'cyclic-binding': inBody(
    'a = b + 1\nb = a - 1\n// in the model\ny = a * v',
    'a = b + 1\nb = 1\n// in the model\ny = a * v',
  ),
  'unknown-module': inBody(
    'use std.nrom.{unit}\n// in the model\ny = unit(v)',
    'use std.norm.{unit}\n// in the model\ny = unit(v)',
  ),
  'unknown-export': inBody(
    'use std.norm.{unti}\n// in the model\ny = unti(v)',
    'use std.norm.{unit}\n// in the model\ny = unit(v)',
  ),
  'file-unreadable': atTop(
    'use "./mien.tfm".{half}\nthird = half - 1 / 6',
    'use "./mine.tfm".{half}\nthird = half - 1 / 6',
    {
      'mine.tfm': 'half = 0.5\n',
    },
  ),
  'files-use-each-other': atTop('use "./left.tfm".{a}\nb = a', 'use "./other.tfm".{a}\nb = a', {
    'left.tfm': 'use "./right.tfm".{b}\na = b\n',
    'right.tfm': 'use "./left.tfm".{a}\nb = a\n',
    'other.tfm': 'a = 1\n',
  }),
  'no-model': whole('half = 0.5\n', MODEL),
  'several-entries': whole(`${MODEL}${MODEL.replace('Tiny', 'Other')}`, MODEL),
  'unknown-entry': { kind: 'option', option: '--entry', bad: 'N', good: 'M' },
  'input-type': whole(MODEL.replace(': int[batch, time]', ''), MODEL),
  'input-size': whole(MODEL.replace('time', 'place'), MODEL),
  'output-missing': whole(MODEL.replace('loss', 'lost'), MODEL),
  'loss-not-scalar': inBody('loss = v', 'loss = sum(v)'),
  'unknown-setting': { kind: 'option', option: '--set', bad: 'widht=12', good: 'width=12' },
  'malformed-setting': { kind: 'option', option: '--set', bad: 'fn f(x) = x', good: 'width=12' },
  'unknown-train-key': inTrain('stesp = 100', 'steps = 100'),
  'train-key-pattern': inTrain('(batch, time) = (2, 3)', 'batch = 2\ntime = 3'),
  'train-key-missing': whole(
    `${MODEL}train Tiny() {\n  batch = 2\n  time = 3\n}\n`,
    `${MODEL}train Tiny() {\n  batch = 2\n  time = 3\n  steps = 10\n}\n`,
  ),
  'not-a-memory-size': inTrain('memory = "2 gigs"', 'memory = "2 GB"'),
  'micro-not-divisor': inTrain('batch = 8\nmicro = 3', 'batch = 8\nmicro = 4'),
};
