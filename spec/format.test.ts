/** The formatter: cases with input and output, and what holds for every program. `TFM_FUZZ=N` tries N random ones. */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { EXIT } from '../src/compiler/diagnostics/diagnostic.ts';
import { formatSource } from '../src/compiler/format/format.ts';
import { makeSource, positionAt } from '../src/compiler/support/source.ts';
import { allowancesIn } from '../src/compiler/syntax/allowances.ts';
import { lex } from '../src/compiler/syntax/lex.ts';
import { parse } from '../src/compiler/syntax/parse.ts';
import { specFiles } from '../src/runtime/spec-files.ts';
import { compileText } from './support/compile-text.ts';
import { failsWith } from './support/failures.ts';
import { type Dice, makeDice } from './support/random-program.ts';
import { randomSentence } from './support/random-sentence.ts';
import { randomSpec } from './support/random-spec.ts';
import { scrambled } from './support/scramble.ts';

const root = new URL('../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');
/** Every spec of the repository. */
const FILES = specFiles(['examples', 'src', 'spec'].map((folder) => fileURLToPath(new URL(folder, root)))).map((path) =>
  relative(fileURLToPath(root), path),
);

const formatted = (text: string): string => formatSource(makeSource('test.tfm', text));

/** The syntax tree without places. */
function treeOf(text: string): string {
  const { file, diagnostics } = parse(makeSource('test.tfm', text));
  assert.equal(diagnostics, []);
  return JSON.stringify(file, (key, value) => (key === 'span' ? undefined : value === Infinity ? 'inf' : value));
}

const isValid = (text: string): boolean => parse(makeSource('test.tfm', text)).diagnostics.length === 0;

function commentsOf(text: string): readonly string[] {
  const { comments, docs } = lex(makeSource('test.tfm', text));
  return [...comments, ...docs].sort((a, b) => a.startOffset - b.startOffset).map(({ image }) => image.trimEnd());
}

/** The words of each line that an allowance holds for: none may leave it. */
function allowedLines(text: string): readonly string[] {
  const source = makeSource('test.tfm', text);
  const words = lex(source).tokens.filter(({ image }) => !/^(?:[,;]|\s*)$/.test(image));
  return allowancesIn(source).map(({ line }) => {
    const on = words.filter(({ startOffset }) => positionAt(source, startOffset).line === line);
    return on.map(({ image }) => image).join(' ');
  });
}

/** What holds for the canonical form of any text. */
function check(text: string): void {
  const once = formatted(text);
  assert.is(formatted(once), once, `formatting twice:\n${text}`);
  assert.is(treeOf(once), treeOf(text), text);
  assert.equal(commentsOf(once), commentsOf(text), text);
  for (const [i, line] of allowedLines(text).entries())
    assert.ok(allowedLines(once)[i]?.includes(line), `${line}\n\n${text}`);
  assert.ok(once === '' || /[^\n]\n$/.test(once), 'it ends with one line end');
  assert.not.match(once, /^\n|[ \t]\n|\n\n\n/);
}

const cases = [...read('spec/format/README.md').matchAll(/```tfm\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');

for (let at = 0; at < cases.length; at += 2) {
  const [input = '', output = ''] = cases.slice(at, at + 2);
  test(`case ${at / 2 + 1}: ${input.trim().split('\n')[0]}`, () => {
    assert.is(formatted(input), output);
    check(input);
  });
}

for (const path of FILES) {
  test(`${path} has the canonical form`, () => assert.is(formatted(read(path)), read(path)));
}

const FUZZ = Number(process.env.TFM_FUZZ ?? 40);

/** A spec, a file of the repository, or what the grammar allows. */
function anyText(dice: Dice, seed: number): string {
  switch (dice.below(3)) {
    case 0:
      return read(dice.pick(FILES));
    case 1:
      return randomSpec(seed).text;
    default: {
      for (let tries = 0; tries < 100; tries++) {
        const text = randomSentence(dice);
        if (isValid(text)) return text;
      }
      return '';
    }
  }
}

test('random programs in random layouts, with comments everywhere, keep their meaning', () => {
  let tried = 0;
  for (let seed = 0; seed < FUZZ; seed++) {
    const dice = makeDice(seed);
    const text = anyText(dice, seed);
    check(text);
    const other = scrambled(text, dice, dice.pick([2, 5, 40]));
    // A few scrambled texts break a line where none may break.
    if (!isValid(other)) continue;
    tried += 1;
    check(other);
  }
  assert.ok(tried > 0.8 * FUZZ, `${tried} of ${FUZZ}`);
});

for (const path of FILES.filter((file) => /^examples\/[^/]*$/.test(file))) {
  test(`${path}: the plan is the same in another layout, and formatted`, () => {
    const other = scrambled(read(path), makeDice(7), 5);
    const planOf = (text: string) => compileText(text, { sizes: { batch: 2 } }).plan;
    assert.equal(planOf(formatted(other)), planOf(other));
  });
}

test('line ends are those of the first line, and a byte order mark goes', () => {
  assert.is(formatted('a=1\r\nb=2\n\n\nc=3'), 'a = 1\r\nb = 2\r\n\r\nc = 3\r\n');
  assert.is(formatted('a=1\nb=2\r\n'), 'a = 1\nb = 2\n');
  assert.is(formatted('a=1\rb=2'), 'a = 1\nb = 2\n');
  assert.is(formatted('\ufeffa=1 // é\t\r\n'), 'a = 1 // é\r\n');
});

test('texts without a program', () => {
  assert.is(formatted(''), '');
  assert.is(formatted(' \n\t\n'), '');
  assert.is(formatted('\n\n // a\n\n\n//b'), '// a\n\n//b\n');
});

test('what has syntax errors is not formatted', () => {
  failsWith('unmatched-bracket', EXIT.input, () => formatted('a = )'));
  failsWith('missing-return', EXIT.input, () => formatted('fn f(x) { }'));
  failsWith('source-too-large', EXIT.input, () => formatted(' '.repeat(1 << 21)));
  failsWith('nested-too-deep', EXIT.input, () => formatted(`a = ${'('.repeat(200)}1${')'.repeat(200)}`));
});

test('the deepest and the longest texts', () => {
  const deep = (open: string, close: string): string => `a = ${open.repeat(40)}1${close.repeat(40)}\n`;
  for (const text of [deep('(', ')'), deep('[', ']'), deep('f(x => ', ')'), `a = ${'1 + '.repeat(120)}1\n`])
    check(text);
  check(`a = [\n${'  1,\n'.repeat(20_000)}]\n`);
  check('a = 1\n'.repeat(5_000));
});

test.run();
