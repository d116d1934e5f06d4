/** What is made from the parser is up to date: `npm run diagrams` writes it. */
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { validateGrammar } from '../grammar/parser.ts';
import { grammarRules } from '../grammar/rules.ts';
import { drawGrammar } from '../scripts/diagrams/draw-grammar.ts';
import { grammarPage } from '../scripts/diagrams/grammar-page.ts';
import { makeSource } from '../src/compiler/support/source.ts';
import { parse } from '../src/compiler/syntax/parse.ts';
import { makeDice } from './support/random-program.ts';
import { randomSentence } from './support/random-sentence.ts';

const file = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

test('no token and no rule of the grammar is ambiguous or out of reach', () => {
  assert.not.throws(validateGrammar);
});

test('the diagrams are those of the parser', () => {
  assert.fixture(file('../grammar/diagrams.html'), drawGrammar());
  assert.not.match(file('../grammar/diagrams.html'), /src=|https?:\/\/(?!www\.w3\.org)/);
});

test('the printed grammar is that of the parser', () => {
  assert.fixture(file('./language/grammar.md'), grammarPage());
});

test('every rule is drawn and printed, and can be reached', () => {
  const [page, drawing] = [grammarPage(), drawGrammar()];
  for (const { name } of grammarRules()) {
    assert.match(page, new RegExp(`^${name} += `, 'm'));
    assert.ok(drawing.includes(`id="${name}"`), name);
  }
});

/** Mistakes that the rules do not know of: what lines, brackets and later checks add to them. */
const BEYOND_RULES = [
  'missing-return',
  'return-in-model',
  'misplaced-return',
  'unknown-element-kind',
  'underscore-value',
  'use-without-names',
  'entry-needs-comma',
  'not-as-operand',
  'chained-comparison',
  'nested-too-deep',
];

test('what is said from the rules is parsed, but where lines and brackets have it otherwise', () => {
  const other: string[] = [];
  const count = 400;
  for (let seed = 1; seed <= count; seed++) {
    const { diagnostics } = parse(makeSource('a.tfm', randomSentence(makeDice(seed))));
    if (diagnostics.some((d) => !BEYOND_RULES.includes(d.code))) other.push(`${seed}`);
  }
  assert.ok(other.length < count / 10, `${other.length} of ${count} are refused: ${other.join(' ')}`);
});

test.run();
