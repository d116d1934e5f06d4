/**
 * The catalogue of diagnostics: every example is executed, and what the bad ones give is kept whole. `npm run bless`
 * writes spec/golden/messages.md and spec/language/errors.md anew.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { explanations, TABLES } from '../src/compiler/diagnostics/catalog.ts';
import type { Diagnostic } from '../src/compiler/diagnostics/diagnostic.ts';
import type { Example } from '../src/compiler/diagnostics/example.ts';
import { renderDiagnostics } from '../src/compiler/diagnostics/render.ts';
import { errorsPage, shownExample } from './support/errors-page.ts';
import { matchesGolden } from './support/golden.ts';
import { judge } from './support/judge.ts';
import { wholeSpec } from './support/whole-spec.ts';

type Executed = Exclude<Example, { readonly kind: 'situation' }>;

function outcome(example: Executed, side: 'bad' | 'good'): readonly Diagnostic[] {
  if (example.kind === 'spec') return judge(wholeSpec(example[side], example.form), { files: example.files });
  const spec = wholeSpec('', 'top');
  return judge(spec, example.option === '--set' ? { set: [example[side]] } : { entry: example[side] });
}

const rendered = (diagnostics: readonly Diagnostic[]): string => renderDiagnostics(diagnostics, { color: false });

/** What was said, by code, for the golden file. */
const messages: string[] = [];

for (const { code, example } of explanations()) {
  if (example.kind === 'situation') continue;
  test(`${code}: the bad example gives it alone, the good one nothing`, () => {
    const found = outcome(example, 'bad');
    const shown = rendered(found);
    messages.push(`## ${code}\n\n${shownExample(example, 'bad')}\n\n\`\`\`\n${shown}\`\`\``);
    assert.equal(
      found.map((d) => d.code),
      [code],
      shown,
    );
    const rest = outcome(example, 'good');
    assert.equal(rest, [], rendered(rest));
  });
}

test('the mistakes of many lines are all said, and nothing that follows from them', () => {
  const lines = explanations().flatMap(({ code, table, example }) =>
    table === 'language' && example.kind === 'spec' && example.form === 'body' && /^y.* = .*$/.test(example.bad)
      ? [{ code, text: example.bad }]
      : [],
  );
  assert.ok(lines.length > 25, `${lines.length} lines`);
  const text = lines.map((one) => one.text).join('\n');
  const found = judge(wholeSpec(`${text}\nz = y + 1\nloss = sum(z)`, 'body'));
  assert.equal(
    found.map((d) => d.code),
    lines.map((one) => one.code),
    rendered(found),
  );
});

test('every message is what it was', () => {
  const intro =
    '# Messages\n\nWhat the compiler says of the bad example of each diagnostic about a spec. Where the example is a part of a spec, ' +
    'the rest is written around it, as [errors.md](../language/errors.md) says.';
  matchesGolden('messages.md', `${[intro, ...messages].join('\n\n')}\n`);
});

test('the page of errors is the catalogue', () => matchesGolden('../language/errors.md', errorsPage()));

test('every code of every table is explained', () => {
  const known = explanations().map(({ code }) => code);
  for (const table of Object.values(TABLES))
    for (const code of Object.keys(table)) assert.ok(known.includes(code), code);
  assert.is(new Set(known).size, known.length);
});

test.run();
