import { type ExamplesOf, inBody } from '../example.ts';
import type { AXES } from '../language-axes.ts';

export const AXES_EXAMPLES: ExamplesOf<typeof AXES> = {
  'unknown-axis': inBody('y = v[widht -> row]', 'y = v[width -> row]'),
  'axis-absent': inBody('y = sum(v, over = wide)', 'y = sum(v, over = width)'),
  'axis-twice': inBody('y = (v @[] u)[other -> width]', 'y = (v @[] u)[other -> row]'),
  'weight-axis-twice': inBody(
    'param a: [width -> width] ~ normal(0.02)\nloss = sum(v @ a)',
    'axis row = width\nparam a: [row -> width] ~ normal(0.02)\nloss = sum(v[width -> row] @ a)',
  ),
  'axes-differ': inBody('y = v + u', 'y = v + u[other -> width]'),
  'no-broadcast': inBody('y = v + t', 'y = v @[] t'),
  'contract-ambiguous': inBody('y = w @ w', 'y = w @[wide] w'),
  'contract-nothing': inBody('y = v @ t', 'y = v @ w'),
  'type-mismatch': inBody(
    'fn f(x: [a, b]) = x\n// in the model\ny = f(v)',
    'fn f(x: [a, b]) = x\n// in the model\ny = f(w)',
  ),
  'type-lacks-axis': inBody('y: [wide] = v', 'y: [wide] = v @ w'),
  'two-rows': inBody(
    'fn f(x: [..a, ..b]) = x\n// in the model\ny = f(w)',
    'fn f(x: [..a, b]) = x\n// in the model\ny = f(w)',
  ),
  'no-row': inBody('y = sum(v, over = ..)', 'y = sum(v)'),
  'name-not-axis': inBody('size = 6\ny = v[width -> size]', 'y = v[width -> row]'),
  'name-taken': inBody('axis width = 5', 'axis row = 5'),
  'reshape-many': inBody('y = w[width * wide -> a * b]', 'y = w[width * wide -> a]'),
  'reshape-size': inBody('axis four = 4\ny = v[width -> four * rest]', 'axis two = 2\ny = v[width -> two * rest]'),
  'split-unknown': inBody('y = v[width -> a * b]', 'axis a = 2\ny = v[width -> a * b]'),
  'slice-empty': inBody('y = v[width = 3..2]', 'y = v[width = 2..3]'),
  'position-out-of-range': inBody('y = v[width = 6]', 'y = v[width = 5]'),
  'gather-own-axis': inBody('y = v[width = index(width)]', 'y = v[width = index(other)]'),
  'stack-size': inBody('axis two = 2\ny = stack([v], two)', 'axis two = 2\ny = stack([v, v], two)'),
  'stack-types': inBody('axis two = 2\ny = stack([v, u], two)', 'axis two = 2\ny = stack([v, 2 * v], two)'),
  'targets-axes': inBody(
    'logits = uniform(batch, wide)\nloss = mean(cross_entropy(logits, targets, over = wide))',
    'logits = uniform(batch, time, wide)\nloss = mean(cross_entropy(logits, targets, over = wide))',
  ),
  'attend-key-axes': inBody(
    'q = uniform(time, width)\nk = uniform(batch, time, width)\no = attend(q, k, k, over = time, on = width)',
    'q = uniform(batch, time, width)\nk = uniform(time, width)\no = attend(q, k, k, over = time, on = width)',
  ),
  'attend-block-type': inBody(
    'x = uniform(time, width)\no = attend(x, x, x, over = time, on = width, mask = (i, j) => i - j)',
    'x = uniform(time, width)\no = attend(x, x, x, over = time, on = width, mask = (i, j) => j <= i)',
  ),
  'index-without-axes': inBody('y = index()', 'y = index(width)'),
  'over-missing': inBody('y = softmax(v)', 'y = softmax(v, over = width)'),
  'extreme-of-two-over': inBody('y = max(v, 0, over = width)', 'y = max(v, 0)'),
  'tensor-element': inBody('y = w[1]', 'y = w[width = 1]'),
  'wrong-element-kind': inBody('y = exp(tokens)', 'y = exp(float(tokens))'),
  'kinds-differ': inBody('y = (v > 0) + 1', 'y = float(v > 0) + 1'),
};
