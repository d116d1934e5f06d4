import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { renderDiagnostics } from '../src/compiler/diagnostics/render.ts';
import { makeSource } from '../src/compiler/support/source.ts';
import { parse } from '../src/compiler/syntax/parse.ts';

const readme = readFileSync(new URL('../grammar/README.md', import.meta.url), 'utf8');
const SEEDS = [...readme.matchAll(/```tfm\n(.*?)```/gs)].map((match) => match[1] ?? '');
const PIECES = [
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
  ',',
  '=',
  '=>',
  '->',
  '..',
  '@',
  '@[',
  '*',
  '**',
  '~',
  ';',
  '\n',
  '"',
  '.',
];
const WORDS = [
  'if',
  'else',
  'fn',
  'param',
  'for',
  'return',
  'weights',
  'train',
  '_',
  '1e',
  '1_',
  'é',
  '\u0000',
  '\uD800',
  '// ',
];

/** Whatever the text, there are an answer and places inside the text, and the messages can be printed. */
function survives(text: string): void {
  const source = makeSource('fuzz.tfm', text);
  const { file, diagnostics } = parse(source);
  for (const { code, message, span, labels } of diagnostics) {
    assert.ok(code.length > 0 && message.length > 0);
    assert.ok(span !== undefined, code);
    for (const place of [span, ...labels.map((label) => label.span)]) {
      assert.ok(0 <= place.start && place.start <= place.end && place.end <= source.text.length, code);
    }
  }
  assert.ok(renderDiagnostics(diagnostics, { color: false }).length < 200_000);
  for (const item of file.items) assert.ok(item.span.start < item.span.end);
}

const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  remove: fc.nat({ max: 6 }),
  insert: fc.oneof(fc.constantFrom(...PIECES, ...WORDS), fc.string({ maxLength: 3 })),
});

test('mutated specifications are answered', () => {
  fc.assert(
    fc.property(fc.constantFrom(...SEEDS), fc.array(edit, { minLength: 1, maxLength: 4 }), (seed, edits) => {
      let text = seed;
      for (const { at, remove, insert } of edits) {
        const place = Math.floor(at * text.length);
        text = text.slice(0, place) + insert + text.slice(place + remove);
      }
      survives(text);
    }),
    { numRuns: 400 },
  );
});

test('truncated specifications are answered', () => {
  fc.assert(
    fc.property(fc.constantFrom(...SEEDS), fc.double({ min: 0, max: 1, noNaN: true }), (seed, at) => {
      survives(seed.slice(0, Math.floor(at * seed.length)));
    }),
    { numRuns: 200 },
  );
});

test('soup of words is answered', () => {
  const word = fc.constantFrom(...PIECES, ...WORDS, 'x', 'f', '1', ' ', ' ', '\r\n');
  fc.assert(
    fc.property(fc.array(word, { maxLength: 60 }), (words) => survives(words.join(''))),
    { numRuns: 300 },
  );
});

test('what parses without errors is whole', () => {
  for (const seed of SEEDS) {
    const { file, diagnostics } = parse(makeSource('seed.tfm', seed));
    assert.is(diagnostics.length, 0);
    assert.ok(file.items.length > 0);
  }
});

test.run();
