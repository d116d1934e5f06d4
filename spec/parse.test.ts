import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { makeSource } from '../src/compiler/support/source.ts';
import type { Expr, Statement } from '../src/compiler/syntax/ast.ts';
import { parse } from '../src/compiler/syntax/parse.ts';

function parseText(text: string) {
  return parse(makeSource('a.tfm', text));
}

function valid(text: string) {
  const { file, diagnostics } = parseText(text);
  assert.equal(
    diagnostics.map((d) => `${d.code} at ${d.span?.start}: ${d.message}`),
    [],
    text,
  );
  return file;
}

/** An expression with every grouping in parentheses. */
function show(e: Expr): string {
  switch (e.kind) {
    case 'number':
      return String(e.value);
    case 'string':
      return JSON.stringify(e.value);
    case 'bool':
      return String(e.value);
    case 'none':
      return 'none';
    case 'name':
      return e.name;
    case 'lambda':
      return `(${e.params.map((p) => (p.pattern.kind === 'name-pattern' ? p.pattern.name.text : '_')).join(' ')} => ${e.body.result && show(e.body.result)})`;
    case 'conditional':
      return `(if ${show(e.condition)} ${show(e.whenTrue)} ${show(e.whenFalse)})`;
    case 'unary':
      return `(${e.operator} ${show(e.operand)})`;
    case 'binary':
      return `(${show(e.left)} ${e.operator} ${show(e.right)})`;
    case 'contract':
      return `(${show(e.left)} @${e.axes ? `[${e.axes.map((a) => a.text).join(' ')}]` : ''} ${show(e.right)})`;
    case 'call':
      return `${show(e.callee)}(${e.args.map((a) => `${a.name ? `${a.name.text}=` : ''}${a.value.kind === 'rest' ? '..' : show(a.value)}`).join(' ')})`;
    case 'member':
      return `${show(e.object)}.${e.key.text}`;
    case 'element':
      return `${show(e.object)}[${show(e.index)}]`;
    case 'axis-index':
      return `${show(e.object)}[${e.operations
        .map((o) => {
          if (o.kind === 'at') return `${o.axis.text}=${show(o.index)}`;
          if (o.kind === 'range') return `${o.axis.text}=${show(o.from)}..${show(o.to)}`;
          return `${o.from.map((n) => n.text).join('*')}->${o.to.map((n) => n.text).join('*')}`;
        })
        .join(' ')}]`;
    case 'tuple':
      return `<${e.items.map((i) => `${i.name ? `${i.name.text}=` : ''}${show(i.value)}`).join(' ')}>`;
    case 'list':
      return `[${e.items.map(show).join(' ')}]`;
  }
}

function expression(text: string): string {
  const [item] = valid(`x = ${text}`).items;
  if (item?.kind !== 'binding-item') throw new Error('no binding');
  return show(item.binding.value);
}

const EXPRESSIONS: readonly (readonly [string, string])[] = [
  ['a + b * c - d', '((a + (b * c)) - d)'],
  ['N(x) / sqrt(l) @ w', '((N(x) / sqrt(l)) @ w)'],
  ['q @[head] k', '(q @[head] k)'],
  ['a @[] b', '(a @[] b)'],
  ['a @[c, d,] b', '(a @[c d] b)'],
  ['-x ^ 2', '(- (x ^ 2))'],
  ['2 ^ -3 ^ 2', '(2 ^ (- (3 ^ 2)))'],
  ['a ^ b ^ c * d', '((a ^ (b ^ c)) * d)'],
  ['-a * -b', '((- a) * (- b))'],
  ['a - -b', '(a - (- b))'],
  ['not a == b and c or d', '(((not (a == b)) and c) or d)'],
  ['a and not b or c', '((a and (not b)) or c)'],
  ['not not a', '(not (not a))'],
  ['j <= i and i - j < w', '((j <= i) and ((i - j) < w))'],
  ['x => y => x + y', '(x => (y => (x + y)))'],
  ['(x, _, f) => f(x)', '(x _ f => f(x))'],
  ['() => 1', '( => 1)'],
  ['_ => 1', '(_ => 1)'],
  ['if a then b else if c then d else e', '(if a b (if c d e))'],
  ['(a, b)', '<a b>'],
  ['(a,)', '<a>'],
  ['(a = 1, b = x => x)', '<a=1 b=(x => x)>'],
  ['((a))', 'a'],
  ['[1, 2, 3,]', '[1 2 3]'],
  ['[]', '[]'],
  ['x[a -> b * c, d = 3, e = 1..n]', 'x[a->b*c d=3 e=1..n]'],
  ['x[a * b -> c]', 'x[a*b->c]'],
  ['x[a * b]', 'x[(a * b)]'],
  ['x[a]', 'x[a]'],
  ['w[tap = i + 1][a -> b]', 'w[tap=(i + 1)][a->b]'],
  ['f(1)(2).a.b[3]', 'f(1)(2).a.b[3]'],
  ['max(x, over = ..)', 'max(x over=..)'],
  ['softmax(x, over = [a, b],)', 'softmax(x over=[a b])'],
  ['var(layer.*.x) + g(layer.3.x)', '(var(layer.*.x) + g(layer.3.x))'],
  ['inf', 'Infinity'],
  ['32_000 + 1e-3 + 0.5 + 1E+2', '(((32000 + 0.001) + 0.5) + 100)'],
  ['"a\\"b\\\\c\\n"', '"a\\"b\\\\c\\n"'],
  ['informal + forward + iff', '((informal + forward) + iff)'],
  ['f(\n  1,\n  2\n)', 'f(1 2)'],
  ['a +\n b', '(a + b)'],
  ['a @[c]\n b', '(a @[c] b)'],
  ['if a\n then b\n else c', '(if a b c)'],
  ['1.5', '1.5'],
];

test('expressions group as the grammar says', () => {
  for (const [text, expected] of EXPRESSIONS) assert.is(expression(text), expected, text);
});

function statements(body: string): readonly Statement[] {
  const [item] = valid(`fn f() {\n${body}\nreturn 0 }`).items;
  if (item?.kind !== 'fn') throw new Error('no fn');
  return item.body.statements;
}

test('statements', () => {
  const made = statements(`axis half = c / 2; param wk, wv: [width -> kv, head] ~ normal(0.02) { decay = 0; lr = 2 }
    param s: [] ~ 1
    param t: [.., c] ~ 1
    weights f.**.{wq,
      wk}.*.layer.3 { init = xavier(1) }
    probe p = norm(x)
    for layer in 1..depth - 1 { x = f(x) }
    for key, f in fs { x = f(x) }
    if a { x = 1 } else if b { x = 2 }
    else { x = 3 }
    (a, (_, b)) = f(x)
    v: [past, ..rest] = g(x)
  `);
  assert.equal(
    made.map((s) => s.kind),
    ['axis', 'param', 'param', 'param', 'rule', 'probe', 'for', 'for', 'if', 'binding', 'binding'],
  );
  const [, weight, scalar, , rule, , range, records, branch] = made;
  assert.ok(weight?.kind === 'param' && weight.names.length === 2 && weight.to?.length === 2);
  assert.equal(weight?.kind === 'param' && weight.attributes.map((a) => a.name.text), ['decay', 'lr']);
  assert.ok(scalar?.kind === 'param' && scalar.from.length === 0 && scalar.to === undefined);
  assert.equal(rule?.kind === 'rule' && rule.selector.map((s) => (s.kind === 'one' ? s.name.text : s.kind)), [
    'f',
    'deep',
    'choice',
    'any',
    'layer',
    '3',
  ]);
  assert.ok(range?.kind === 'for' && range.to !== undefined);
  assert.ok(records?.kind === 'for' && records.names.length === 2 && records.to === undefined);
  assert.ok(branch?.kind === 'if' && branch.whenFalse[0]?.kind === 'if' && branch.whenFalse[0].whenFalse.length === 1);
});

test('declarations, with their documentation', () => {
  const file = valid(`use std.norm.{RMSNorm, LayerNorm,}
use "./mine.tfm".{A}
use std.schemes

/// LayerNorm Scaling,
/// eq. 12
LNS = Scheme(site = (x, f) => x + f(x))
/// not this one

// nor this
model M(width: axis = 8, N = x => x)(tokens: int[batch, time], t: bool[], u: [..]) { loss = 1 }
fn g((a, b): axis)(x: [.., c]) -> [..] = x
train small: M(width = 3) { lr = 1e-3; weights **.w { lr = 2 }
  probe v = var(layer.*.x) }
`);
  assert.equal(
    file.uses.map((u) => [u.module.kind, u.names.length]),
    [
      ['library', 2],
      ['path', 1],
      ['library', 0],
    ],
  );
  const [lns, model, fn, train] = file.items;
  assert.is(lns?.kind === 'binding-item' && lns.doc, 'LayerNorm Scaling,\neq. 12');
  assert.is(model?.kind === 'fn' && model.doc, undefined);
  assert.ok(model?.kind === 'fn' && model.model && model.lists.length === 2 && model.body.result === undefined);
  assert.ok(fn?.kind === 'fn' && fn.result?.dims.length === 1);
  assert.ok(train?.kind === 'train' && train.name?.text === 'small' && train.entries.length === 3);
});

test('a line ends a statement, whatever the line ending', () => {
  for (const newline of ['\n', '\r\n', '\r', ';', ' ;\n;;\n']) {
    assert.is(valid(`x = 1${newline}y = 2${newline}`).items.length, 2, JSON.stringify(newline));
  }
  assert.is(parseText('x = 1\n+ 2').diagnostics.length, 1);
  assert.is(parseText('x = a\n.b').diagnostics.length, 1);
});

test('a byte order mark is no part of the text', () => {
  assert.is(valid('\uFEFFx = 1').items.length, 1);
});

test('every node lies in the source', () => {
  const text = 'fn f(a)(x: [.., c]) {\n  axis d = c\n  return -a * (x @[c] w)[c -> d] + (1, 2)\n}';
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if ('span' in value) {
      const { start, end } = value.span as { start: number; end: number };
      assert.ok(0 <= start && start < end && end <= text.length, JSON.stringify([start, end]));
    }
    for (const [key, child] of Object.entries(value)) if (key !== 'source') visit(child);
  };
  const file = valid(text);
  visit(file);
  const [fn] = file.items;
  const result = fn?.kind === 'fn' ? fn.body.result : undefined;
  assert.is(text.slice(result?.span.start, result?.span.end), '-a * (x @[c] w)[c -> d] + (1, 2)');
});

test('nesting to the limit parses, and beyond it is refused', () => {
  const shapes: readonly ((n: number) => string)[] = [
    (n) => `x = ${'('.repeat(n)}1${')'.repeat(n)}`,
    (n) => `x = ${'f('.repeat(n)}1${')'.repeat(n)}`,
    (n) => `x = ${'f[a = '.repeat(n)}1${']'.repeat(n)}`,
    (n) => `x = ${'x => '.repeat(n)}1`,
    (n) => `x = ${'-'.repeat(n)}1`,
    (n) => `x = ${'1 ^ '.repeat(n)}1`,
    (n) => `fn f() { ${'if a { '.repeat(n / 2)}x = 1 ${'}'.repeat(n / 2)}; return 1 }`,
  ];
  for (const shape of shapes) {
    valid(shape(120));
    for (const n of [400, 10_000]) {
      assert.equal(
        parseText(shape(n)).diagnostics.map((d) => d.code),
        ['nested-too-deep'],
      );
    }
  }
});

test('declarations beside an error are kept', () => {
  const { file, diagnostics } = parseText('a = 1\nb = \nfn f() { return }\nc = 3\nfn g() = c');
  assert.equal(
    diagnostics.map((d) => d.code),
    ['expected-expression', 'expected-expression'],
  );
  assert.ok(file.items.some((item) => item.kind === 'fn' && item.name.text === 'g'));
});

test('the examples of the grammar parse', () => {
  const text = readFileSync(new URL('../grammar/README.md', import.meta.url), 'utf8');
  const examples = [...text.matchAll(/```tfm\n(.*?)```/gs)].map((match) => match[1] ?? '');
  assert.ok(examples.length >= 5);
  for (const example of examples) valid(example);
});

test.run();
