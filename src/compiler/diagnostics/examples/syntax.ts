import { atTop, type ExamplesOf, inBody, inTrain, when, whole } from '../example.ts';
import type { syntaxEntries } from '../syntax.ts';

export const SYNTAX_EXAMPLES: ExamplesOf<typeof syntaxEntries> = {
  'expected-expression': atTop('half = (1 + )', 'half = (1 + 1)'),
  'expected-name': atTop('fn (x) = x', 'fn same(x) = x'),
  'expected-token': inBody('param a: [width]\nloss = sum(a)', 'param a: [width] ~ 0\nloss = sum(a)'),
  'expected-statement': atTop(
    'fn f(x) {\n  fn g(y) = y\n  return g(x)\n}',
    'fn f(x) {\n  g = y => y\n  return g(x)\n}',
  ),
  'expected-declaration': atTop(
    'param a: [width] ~ 0',
    'fn scaled(x: [.., c]) {\n  param a: [c] ~ 0\n  return a * x\n}',
  ),
  'unexpected-token': inTrain('batch = 2 x 3', 'batch = 2 * 3'),
  'keyword-as-name': atTop('fn f(param) = 1', 'fn f(params) = params'),
  'unclosed-bracket': atTop('pair = [1, 2', 'pair = [1, 2]'),
  'unmatched-bracket': atTop('half = 1 / 2)', 'half = (1 / 2)'),
  'unexpected-character': atTop('area = 3 × 4', 'area = 3 * 4'),
  'unterminated-string': inTrain('data = text("corpus/*.txt)', 'data = text("corpus/*.txt")'),
  'bad-escape': inTrain('data = text("corpus\\data.txt")', 'data = text("corpus/data.txt")'),
  'malformed-number': inTrain('steps = 32k', 'steps = 32_000'),
  'number-out-of-range': atTop('most = 1e309', 'most = inf'),
  'chained-comparison': atTop('inside = x => 0 < x < 1', 'inside = x => 0 < x and x < 1'),
  'not-as-operand': atTop('differ = (a, b) => a == not b', 'differ = (a, b) => a == (not b)'),
  'entry-needs-comma': atTop('one = (attn = 1)', 'one = (attn = 1,)'),
  'missing-return': atTop('fn f(x) {\n  y = x + 1\n}', 'fn f(x) {\n  y = x + 1\n  return y\n}'),
  'return-in-model': whole(
    'model Tiny()(tokens: int[batch, time]) {\n  return mean(float(tokens))\n}\n',
    'model Tiny()(tokens: int[batch, time]) {\n  loss = mean(float(tokens))\n}\n',
  ),
  'misplaced-return': atTop('fn f(x) {\n  if x > 1 { return 1 }\n  return 2\n}', 'fn f(x) = if x > 1 then 1 else 2'),
  'unknown-element-kind': atTop('fn f(x: f16[..]) = x', 'fn f(x: [..]) = x'),
  'underscore-value': atTop('same = _ => _', 'same = x => x'),
  'use-without-names': atTop('use "./mine.tfm"', 'use "./mine.tfm".{Mine}\nmine = Mine', { 'mine.tfm': 'Mine = 1\n' }),
  'source-too-large': when('A file of more than 1 MiB is given as a spec.'),
  'nested-too-deep': when('More than 128 brackets stand within each other, or a chain of operators is as long.'),
};
