import { diagnosticsOf, entry } from './entry.ts';
import { replaceWith } from './fixes.ts';

/** Where an expectation failed: `what` was expected `after` a text of the source, but `found` (missing at an end) stood. */
export interface Expectation {
  readonly what: string;
  readonly after: string | undefined;
  readonly found: string | undefined;
  readonly help?: string | undefined;
}

function expectation({ what, after, found }: Expectation): string {
  const place = after === undefined ? '' : ` after ${after}`;
  return found === undefined ? `expected ${what}${place}` : `expected ${what}${place}, not ${found}`;
}

/** Mistakes in the text of a specification, before anything is known about its meaning. */
export const syntaxEntries = {
  'expected-expression': entry<Expectation>({
    severity: 'error',
    message: expectation,
    help: (p) => p.help,
    explain:
      'Here the grammar wants a value: a number, a name, a call, a lambda, a tuple, a list, or these joined by operators. ' +
      'A line may end after an operator and the expression goes on in the next line; an operator at the start of a line ' +
      'does not continue the line before. Put a lambda or an `if … then … else …` that is an operand in parentheses.',
  }),
  'expected-name': entry<Expectation>({
    severity: 'error',
    message: expectation,
    help: (p) => p.help,
    explain: 'A name begins with a letter or `_` and goes on with letters, digits and `_`. Only ASCII letters count.',
  }),
  'expected-token': entry<Expectation>({
    severity: 'error',
    message: expectation,
    help: (p) => p.help,
    explain: 'The construct that began before this place needs one particular word or sign next.',
  }),
  'expected-statement': entry<Expectation>({
    severity: 'error',
    message: expectation,
    help: (p) => p.help,
    explain:
      'A body consists of bindings (`y = f(x)`), `axis`, `param`, `weights`, `probe`, `for`, `if`, and one `return` at its ' +
      'end. An expression alone is not a statement, since it would have no effect.',
  }),
  'expected-declaration': entry<Expectation>({
    severity: 'error',
    message: expectation,
    help: (p) => p.help,
    explain:
      'At the top level a file has `use`, `fn`, `model`, `train` and bindings (`NAME = expression`). All else belongs ' +
      'into the body of one of them.',
  }),
  'unexpected-token': entry<{ found: string; after: string | undefined; help: string | undefined }>({
    severity: 'error',
    message: (p) => `unexpected ${p.found}${p.after === undefined ? '' : ` after ${p.after}`}`,
    help: (p) => p.help,
    explain:
      'What stands before this place is complete, and this word or sign cannot continue it. Often an operator, a comma or ' +
      'the end of a line is missing between the two.',
  }),
  'keyword-as-name': entry<{ word: string }>({
    severity: 'error',
    message: (p) => `\`${p.word}\` is a keyword and cannot be a name`,
    help: (p) => `choose another name, such as \`${p.word}_\``,
    fixes: (p, span) => replaceWith(`${p.word}_`, span),
    explain:
      'The keywords are use fn model train axis param weights probe for in if then else return and or not true false none ' +
      'inf. They mean the same everywhere, so none of them can name a value, a parameter or an axis.',
  }),
  'unclosed-bracket': entry<{ open: string; close: string; before: string | undefined }>({
    severity: 'error',
    message: (p) =>
      p.before === undefined ? `\`${p.open}\` is never closed` : `\`${p.open}\` is not closed before ${p.before}`,
    help: (p) => `add \`${p.close}\``,
    explain:
      'Each (, [ and { needs its closing partner, innermost first. A keyword such as `param` cannot stand inside ' +
      'parentheses, so where one begins a line the compiler takes the parentheses as forgotten and goes on after them.',
  }),
  'unmatched-bracket': entry<{ close: string }>({
    severity: 'error',
    message: (p) => `\`${p.close}\` closes nothing`,
    help: () => 'remove it, or add its partner before',
    fixes: (p, span) => [{ title: `Remove \`${p.close}\``, edits: [{ span, text: '' }] }],
    explain: 'Each closing bracket needs an opening one of its kind before it.',
  }),
  'unexpected-character': entry<{ shown: string; help: string | undefined; instead: string | undefined }>({
    severity: 'error',
    message: (p) => `${p.shown} means nothing here`,
    help: (p) => p.help,
    fixes: (p, span) => replaceWith(p.instead, span),
    explain:
      'Outside of strings and comments only ASCII letters, digits, spaces, tabs, newlines and the signs of the language ' +
      'may stand. Text copied from a document often holds other quotation marks, dashes or spaces.',
  }),
  'unterminated-string': entry<Record<never, never>>({
    severity: 'error',
    message: () => 'the string does not end on its line',
    help: () => 'add `"`; write \\n for a newline',
    explain: 'A string stands between two double quotation marks in one line.',
  }),
  'bad-escape': entry<{ escape: string }>({
    severity: 'error',
    message: (p) => `\`${p.escape}\` is not an escape`,
    help: () => 'the escapes are \\" \\\\ \\n \\t; write paths with `/`',
    explain: 'In a string a backslash begins one of the escapes \\" \\\\ \\n \\t.',
  }),
  'malformed-number': entry<{ text: string; help: string | undefined }>({
    severity: 'error',
    message: (p) => `\`${p.text}\` is not a number`,
    help: (p) => p.help,
    explain:
      'Numbers are written like 12, 32_000, 0.1 or 1e-3: decimal digits with single underscores between them, at most one ' +
      'point with digits on both sides, and an exponent. There are no units and no other bases.',
  }),
  'number-out-of-range': entry<{ text: string; how: 'large' | 'small' }>({
    severity: 'error',
    message: (p) => `\`${p.text}\` is too ${p.how} for a number`,
    help: (p) => (p.how === 'large' ? 'write `inf` for no bound' : 'write 0'),
    explain: 'Numbers are float64 while compiling: up to about 1.8e308, and down to about 5e-324 beside 0.',
  }),
  'chained-comparison': entry<Record<never, never>>({
    severity: 'error',
    message: () => 'comparisons do not chain',
    help: () => 'write `a < b and b < c`',
    explain: 'A comparison has one sign: `a < b < c` would compare a truth value with a number.',
  }),
  'not-as-operand': entry<{ operator: string }>({
    severity: 'error',
    message: (p) => `\`not\` binds weaker than \`${p.operator}\` and cannot be its operand`,
    help: () => 'put `(not …)` in parentheses',
    explain: '`not` stands between `and` and the comparisons in precedence: `not a == b` is `not (a == b)`.',
  }),
  'entry-needs-comma': entry<{ name: string }>({
    severity: 'error',
    message: (p) => `a record with the one entry \`${p.name}\` needs a comma at its end`,
    help: () => 'write `(name = value,)`',
    explain: '`(e)` is an expression in parentheses. A tuple or record of one is written with a comma: `(a = e,)`.',
  }),
  'missing-return': entry<{ what: string }>({
    severity: 'error',
    message: (p) => `the body of ${p.what} has no \`return\``,
    help: () => 'end the body with `return` and its value',
    explain: 'The value of a function is what its body returns. Only a model has no value of its own, but outputs.',
  }),
  'return-in-model': entry<{ name: string }>({
    severity: 'error',
    message: (p) => `model \`${p.name}\` cannot return a value`,
    help: () => 'bind outputs to names instead, such as `logits = …` and `loss = …`',
    explain: 'The outputs of a model are its final bindings: `loss` is trained on, `logits` is sampled from.',
  }),
  'misplaced-return': entry<Record<never, never>>({
    severity: 'error',
    message: () => '`return` must be the last statement of a function',
    help: () => 'bind the value in the branches and return it at the end, or return `if … then … else …`',
    explain:
      'A body has one value. `return` ends the body of a function or lambda; it cannot stand in `for` or `if`, or before ' +
      'other statements.',
  }),
  'unknown-element-kind': entry<{ name: string }>({
    severity: 'error',
    message: (p) => `a tensor's elements cannot be of kind \`${p.name}\``,
    help: () => 'the kinds are `int` and `bool`; write nothing for float',
    explain: 'A tensor type is `int[…]`, `bool[…]` or `[…]`, which is float. Precision is a matter of `train`.',
  }),
  'underscore-value': entry<Record<never, never>>({
    severity: 'error',
    message: () => '`_` has no value',
    help: () => 'give the ignored value a name',
    explain: '`_` stands where a value is not wanted: in a pattern or among the parameters of a lambda.',
  }),
  'use-without-names': entry<{ path: string }>({
    severity: 'error',
    message: (p) => `\`use "${p.path}"\` names nothing to use`,
    help: (p) => `write \`use "${p.path}".{NAME}\``,
    explain: 'Names come from a file one by one: there is no import of everything.',
  }),
  'source-too-large': entry<{ bytes: number; limit: number }>({
    severity: 'error',
    message: (p) => `the file has ${p.bytes} bytes; a specification may have ${p.limit}`,
    explain: 'A specification is read and shown by people. One beyond 1 MiB is most likely a file of another kind.',
  }),
  'nested-too-deep': entry<{ limit: number }>({
    severity: 'error',
    message: (p) => `brackets and operators nest deeper than ${p.limit} levels here`,
    help: () => 'bind parts of it to names, or use `for`',
    explain:
      'Each open bracket counts as a level, and so does each operator of an unbroken chain. The limit keeps the compiler ' +
      'from running out of stack.',
  }),
};

export const syntaxDiagnostic = diagnosticsOf(syntaxEntries);
