import { type ExamplesOf, inBody, inTrain } from '../example.ts';
import type { VALUES } from '../language-values.ts';

export const VALUES_EXAMPLES: ExamplesOf<typeof VALUES> = {
  'unknown-name': inBody('scaled = 2 * v\ny = scalde', 'scaled = 2 * v\ny = scaled'),
  'wrong-kind': inBody('y = v + "one"', 'y = v + 1'),
  'record-wanted': inBody(
    'use std.schemes.{MixLN}\n// in the model\ny = MixLN.site',
    'use std.schemes.{MixLN}\n// in the model\ny = MixLN().site',
  ),
  'unknown-key': inBody(
    'pair = (first = v, other = u)\ny = pair.frist',
    'pair = (first = v, other = u)\ny = pair.first',
  ),
  'key-twice': inBody('pair = (first = v, first = u)', 'pair = (first = v, other = u)'),
  'not-applied': inBody(
    'use std.{RMSNorm}\n// in the model\nn = RMSNorm()\ny = n.gain\nz = n(v)',
    'use std.{RMSNorm}\n// in the model\nn = RMSNorm()\nz = n(v)\ny = n.gain\nloss = sum(z)',
  ),
  'applied-twice': inBody(
    'use std.{RMSNorm}\n// in the model\nn = RMSNorm()\ny = n(v)\nz = n(2 * v)\nloss = sum(y + z + n.x)',
    'use std.{RMSNorm}\n// in the model\nn = RMSNorm()\ny = n(v)\nloss = sum(y + n.x)',
  ),
  'tuple-length': inBody('(a, b) = (1, 2, 3)', '(a, b, _) = (1, 2, 3)'),
  'index-out-of-range': inBody('xs = [v, 2 * v]\ny = xs[0]', 'xs = [v, 2 * v]\ny = xs[1]'),
  'empty-list': inBody('y = last([])', 'y = last([v])'),
  'not-integral': inBody('heads = 4\naxis head = width / heads', 'heads = 3\naxis head = width / heads'),
  'bad-size': inBody('axis row = width - 6', 'axis row = width - 5'),
  'not-a-number': inBody('y = v * (0 / 0)', 'y = v * 0'),
  'beyond-f32': inBody('y = v * 1e39', 'y = v * 1e38'),
  'int-with-fraction': inBody('y = tokens + 0.5', 'y = float(tokens) + 0.5'),
  'tensor-where-number': inBody('axis row = sum(v)', 'axis row = len(width)'),
  'out-of-range': inTrain('lr = -1', 'lr = 1e-3'),
  'condition-on-tensor': inBody('y = if v > 0 then v else -v', 'y = where(v > 0, v, -v)'),
  'too-many-arguments': inBody('y = exp(v, 2)', 'y = exp(v)'),
  'missing-argument': inBody('y = exp()', 'y = exp(v)'),
  'unknown-argument': inBody('y = sum(v, ovr = width)', 'y = sum(v, over = width)'),
  'argument-twice': inBody('y = sum(v, over = width, over = width)', 'y = sum(v, over = width)'),
  'positional-after-named': inBody('y = sum(over = width, v)', 'y = sum(v, over = width)'),
  'callback-arity': inBody(
    'x = uniform(time, width)\no = attend(x, x, x, over = time, on = width, mask = i => true)',
    'x = uniform(time, width)\no = attend(x, x, x, over = time, on = width, mask = (i, j) => true)',
  ),
  'default-cycle': inBody(
    'fn f(a = b, b = a) = a + b\n// in the model\ny = f()',
    'fn f(a = 1, b = a) = a + b\n// in the model\ny = f()',
  ),
};
