import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { explanations, TABLES } from '../src/compiler/diagnostics/catalog.ts';
import { diagnosticsJson, renderDiagnostics, wantsColor } from '../src/compiler/diagnostics/render.ts';
import type { syntaxEntries } from '../src/compiler/diagnostics/syntax.ts';
import { makeSource } from '../src/compiler/support/source.ts';
import { NESTING_LIMIT } from '../src/compiler/syntax/layout.ts';
import { parse, SIZE_LIMIT } from '../src/compiler/syntax/parse.ts';

function messages(text: string): string {
  return renderDiagnostics(parse(makeSource('a.tfm', text)).diagnostics, { color: false });
}

/** For each code a text that has this one mistake, and all that is said about it. */
const CASES: { readonly [C in keyof typeof syntaxEntries]: readonly [text: string, expected: string] } = {
  'expected-expression': [
    'fn f(x) {\n  y = x +\n  z = if x then 1 else\n  return a + if b then c else d\n}',
    `a.tfm:2:10: error: expected an expression after \`+\` [expected-expression]
 2 │   y = x +
   │          ^
  help: finish the line with an operator if the expression goes on in the next

a.tfm:3:23: error: expected an expression after \`else\` [expected-expression]
 3 │   z = if x then 1 else
   │                       ^
  help: finish the line with an operator if the expression goes on in the next

a.tfm:4:14: error: expected an expression after \`+\`, not \`if\` [expected-expression]
 4 │   return a + if b then c else d
   │              ^^
  help: put \`(if … then … else …)\` in parentheses
`,
  ],
  'expected-name': [
    'fn (x) = x',
    `a.tfm:1:4: error: expected a name after \`fn\`, not \`(\` [expected-name]
 1 │ fn (x) = x
   │    ^
`,
  ],
  'expected-token': [
    'fn f(x) {\n  param w: [x]\n  print(x)\n  return x\n}',
    `a.tfm:2:15: error: expected \`~\` and an init after \`]\` [expected-token]
 2 │   param w: [x]
   │               ^
  help: a weight needs an init, such as \`~ normal(0.02)\` or \`~ 1\`

a.tfm:3:8: error: expected \`=\` after \`print\`, not \`(\` [expected-token]
 3 │   print(x)
   │        ^
  help: a value is bound to a name, as in \`y = f(x)\`; an expression alone does nothing
`,
  ],
  'expected-statement': [
    'fn f(x) {\n  fn g(y) = y\n  return g(x)\n}',
    `a.tfm:2:3: error: expected a statement after \`{\`, not \`fn\` [expected-statement]
 2 │   fn g(y) = y
   │   ^^
  help: functions are declared at the top level; inside a body bind a lambda: \`f = x => …\`
`,
  ],
  'expected-declaration': [
    'param w: [a] ~ 1',
    `a.tfm:1:1: error: expected \`use\`, \`fn\`, \`model\`, \`train\` or a binding, not \`param\` [expected-declaration]
 1 │ param w: [a] ~ 1
   │ ^^^^^
  help: \`param\` belongs into the body of a function or model
`,
  ],
  'unexpected-token': [
    'batch = 512 x 256',
    `a.tfm:1:13: error: unexpected \`x\` after \`512\` [unexpected-token]
 1 │ batch = 512 x 256
   │             ^
  help: an operator, a comma or a new line is missing between them
`,
  ],
  'keyword-as-name': [
    'fn f(param) = 1',
    `a.tfm:1:6: error: \`param\` is a keyword and cannot be a name [keyword-as-name]
 1 │ fn f(param) = 1
   │      ^^^^^
  help: choose another name, such as \`param_\`
`,
  ],
  'unclosed-bracket': [
    'fn f(x) {\n  y = g(x, [1, 2)\n\n  return y\n}\nfn h(x) {',
    `a.tfm:2:12: error: \`[\` is not closed before \`)\` [unclosed-bracket]
 2 │   y = g(x, [1, 2)
   │            ^
   │                 - \`]\` is missing before this
  help: add \`]\`

a.tfm:6:9: error: \`{\` is never closed [unclosed-bracket]
 6 │ fn h(x) {
   │         ^
  help: add \`}\`
`,
  ],
  'unmatched-bracket': [
    'x = f(1))',
    `a.tfm:1:9: error: \`)\` closes nothing [unmatched-bracket]
 1 │ x = f(1))
   │         ^
  help: remove it, or add its partner before
`,
  ],
  'unexpected-character': [
    'x = a × b\ny = a &&\u00a0b\n\tz = 變數 + 1',
    `a.tfm:1:7: error: \`×\` means nothing here [unexpected-character]
 1 │ x = a × b
   │       ^
  help: write \`*\`

a.tfm:2:7: error: \`&\` means nothing here [unexpected-character]
 2 │ y = a &&\u00a0b
   │       ^
  help: write \`and\`

a.tfm:3:6: error: \`變數\` means nothing here [unexpected-character]
 3 │     z = 變數 + 1
   │         ^^^^
  help: names use the letters a to z, digits and \`_\`
`,
  ],
  'unterminated-string': [
    'x = text("a.txt, 3)',
    `a.tfm:1:10: error: the string does not end on its line [unterminated-string]
 1 │ x = text("a.txt, 3)
   │          ^^^^^^^^^^
  help: add \`"\`; write \\n for a newline
`,
  ],
  'bad-escape': [
    'x = "C:\\data"',
    `a.tfm:1:8: error: \`\\d\` is not an escape [bad-escape]
 1 │ x = "C:\\data"
   │        ^^
  help: the escapes are \\" \\\\ \\n \\t; write paths with \`/\`
`,
  ],
  'malformed-number': [
    'x = 32k\ny = 1__0\nz = 0x10\nw = 3.1.4',
    `a.tfm:1:5: error: \`32k\` is not a number [malformed-number]
 1 │ x = 32k
   │     ^^^
  help: numbers have no units: write \`32_000\`

a.tfm:2:5: error: \`1__0\` is not a number [malformed-number]
 2 │ y = 1__0
   │     ^^^^
  help: a single \`_\` may stand between two digits

a.tfm:3:5: error: \`0x10\` is not a number [malformed-number]
 3 │ z = 0x10
   │     ^^^^
  help: numbers are decimal

a.tfm:4:5: error: \`3.1.4\` is not a number [malformed-number]
 4 │ w = 3.1.4
   │     ^^^^^
`,
  ],
  'number-out-of-range': [
    'x = 1e309\ny = 1e-400',
    `a.tfm:1:5: error: \`1e309\` is too large for a number [number-out-of-range]
 1 │ x = 1e309
   │     ^^^^^
  help: write \`inf\` for no bound

a.tfm:2:5: error: \`1e-400\` is too small for a number [number-out-of-range]
 2 │ y = 1e-400
   │     ^^^^^^
  help: write 0
`,
  ],
  'chained-comparison': [
    'x = 0 < a < 1',
    `a.tfm:1:11: error: comparisons do not chain [chained-comparison]
 1 │ x = 0 < a < 1
   │           ^
  help: write \`a < b and b < c\`
`,
  ],
  'not-as-operand': [
    'x = a == not b',
    `a.tfm:1:10: error: \`not\` binds weaker than \`==\` and cannot be its operand [not-as-operand]
 1 │ x = a == not b
   │          ^^^
  help: put \`(not …)\` in parentheses
`,
  ],
  'entry-needs-comma': [
    'x = (attn = a)',
    `a.tfm:1:6: error: a record with the one entry \`attn\` needs a comma at its end [entry-needs-comma]
 1 │ x = (attn = a)
   │      ^^^^^^^^
  help: write \`(name = value,)\`
`,
  ],
  'missing-return': [
    'fn f(x) {\n  y = x\n}\ng = x => {}',
    `a.tfm:3:1: error: the body of \`f\` has no \`return\` [missing-return]
 3 │ }
   │ ^
  help: end the body with \`return\` and its value

a.tfm:4:11: error: the body of the lambda has no \`return\` [missing-return]
 4 │ g = x => {}
   │           ^
  help: end the body with \`return\` and its value
`,
  ],
  'return-in-model': [
    'model M() {\n  return 1\n}',
    `a.tfm:2:10: error: model \`M\` cannot return a value [return-in-model]
 2 │   return 1
   │          ^
  help: bind outputs to names instead, such as \`logits = …\` and \`loss = …\`
`,
  ],
  'misplaced-return': [
    'fn f(x) {\n  if x > 1 { return 1 }\n  return 2\n}',
    `a.tfm:2:14: error: \`return\` must be the last statement of a function [misplaced-return]
 2 │   if x > 1 { return 1 }
   │              ^^^^^^^^
  help: bind the value in the branches and return it at the end, or return \`if … then … else …\`
`,
  ],
  'unknown-element-kind': [
    'fn f(x: f16[..]) = x',
    `a.tfm:1:9: error: a tensor's elements cannot be of kind \`f16\` [unknown-element-kind]
 1 │ fn f(x: f16[..]) = x
   │         ^^^
  help: the kinds are \`int\` and \`bool\`; write nothing for float
`,
  ],
  'underscore-value': [
    'f = _ => _',
    `a.tfm:1:10: error: \`_\` has no value [underscore-value]
 1 │ f = _ => _
   │          ^
  help: give the ignored value a name
`,
  ],
  'use-without-names': [
    'use "./mine.tfm"',
    `a.tfm:1:1: error: \`use "./mine.tfm"\` names nothing to use [use-without-names]
 1 │ use "./mine.tfm"
   │ ^^^^^^^^^^^^^^^^
  help: write \`use "./mine.tfm".{NAME}\`
`,
  ],
  'source-too-large': [
    'x'.repeat(SIZE_LIMIT + 1),
    `a.tfm:1:1: error: the file has 1048577 bytes; a specification may have 1048576 [source-too-large]
 1 │ ${'x'.repeat(110)}…
   │ ^
`,
  ],
  'nested-too-deep': [
    `${'x = f(x)\n'.repeat(300)}y = ${'('.repeat(NESTING_LIMIT + 1)}`,
    `a.tfm:301:133: error: brackets and operators nest deeper than 128 levels here [nested-too-deep]
 301 │ …${'('.repeat(71)}
     │  ${' '.repeat(70)}^
  help: bind parts of it to names, or use \`for\`
`,
  ],
};

for (const [code, [text, expected]] of Object.entries(CASES)) {
  test(code, () => {
    assert.is(messages(text), expected);
    assert.ok(parse(makeSource('a.tfm', text)).diagnostics.some((diagnostic) => diagnostic.code === code));
  });
}

test('every code is explained, and stands in one table', () => {
  const codes = explanations().map((explanation) => explanation.code);
  assert.equal(codes, [...new Set(codes)]);
  assert.is(
    codes.length,
    Object.values(TABLES).reduce((sum, table) => sum + Object.keys(table).length, 0),
  );
  for (const { code, explain } of explanations()) {
    assert.match(code, /^[a-z]+(-[a-z0-9]+)*$/);
    assert.ok(explain.length > 30, code);
  }
});

test('no message speaks of the parser', () => {
  for (const [text] of Object.values(CASES)) {
    for (const { message, help } of parse(makeSource('a.tfm', text)).diagnostics) {
      assert.not.match(`${message} ${help ?? ''}`, /[Tt]oken|EOF|Paren\b|Literal|Separator|rule|undefined/);
    }
  }
});

test('several mistakes of a body are reported at once, and none twice', () => {
  const text = 'fn f(x) {\n  a =\n  for i in { b = }\n  c = (1 2)\n  if x { d = [ }\n  return x\n}\ne = 1 +';
  const { diagnostics } = parse(makeSource('a.tfm', text));
  assert.equal(
    diagnostics.map((d) => d.code),
    ['expected-expression', 'expected-expression', 'unexpected-token', 'unclosed-bracket', 'expected-expression'],
  );
});

test('JSON gives places in lines, columns and bytes', () => {
  const text = '\uFEFF// é\r\nx = "é" + [1)\r\n';
  const json = diagnosticsJson(parse(makeSource('a.tfm', text)).diagnostics);
  assert.equal(json, {
    format_version: 1,
    diagnostics: [
      {
        code: 'unmatched-bracket',
        severity: 'error',
        message: '`)` closes nothing',
        place: {
          path: 'a.tfm',
          line: 2,
          column: 13,
          byte: 23,
          end: { line: 2, column: 14, byte: 24 },
        },
        labels: [],
        help: 'remove it, or add its partner before',
      },
    ],
  });
});

test('colour is for terminals, and NO_COLOR is heeded', () => {
  assert.is(wantsColor({ isTTY: true }, {}), true);
  assert.is(wantsColor({}, {}), false);
  assert.is(wantsColor({ isTTY: true }, { NO_COLOR: '1' }), false);
  assert.is(wantsColor({}, { FORCE_COLOR: '1' }), true);
  assert.is(wantsColor({ isTTY: true }, { TERM: 'dumb' }), false);
  const { diagnostics } = parse(makeSource('a.tfm', 'x = )'));
  assert.ok(renderDiagnostics(diagnostics, { color: true }).includes('\u001b[31merror\u001b[39m'));
  assert.not.ok(renderDiagnostics(diagnostics, { color: false }).includes('\u001b'));
});

test('nothing in a source can move the cursor', () => {
  const shown = messages('x = \u001b[2J\u0007 # \u202e');
  assert.ok([...shown].every((point) => point === '\n' || (point >= ' ' && point !== '\u202e')));
});

test.run();
