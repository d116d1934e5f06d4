/** Texts that the grammar allows, whatever they mean: made from the rules of the parser itself. */
import { grammarRules, type Shape } from '../../grammar/rules.ts';
import { wordOf } from '../../grammar/words.ts';
import type { Dice } from './random-program.ts';

const RULES: ReadonlyMap<string, Shape> = new Map(grammarRules().map(({ name, shape }) => [name, shape]));

/** Names that mean something, so that sentences get further than to their first name. */
const NAMES =
  'x y f N l L w v width time batch vocab tokens targets loss logits M Linear RMSNorm Scheme sum mean softmax attend index stack normal float where len std schemes int steps lr data step training over'.split(
    ' ',
  );
const NUMBERS = ['0', '1', '2', '3', '0.5', '1e-3', '8', '64', '1e39'];
const STRINGS = ['"*.txt"', '"./a.tfm"', '""'];

/** How deep rules nest, and how many words there are, before the shortest way out is taken. */
const DEEP = 14;
const LONG = 300;

/** How many rules the shortest sentence of each rule goes through. */
const HEIGHTS = heights();

/** A few declarations. */
export function randomSentence(dice: Dice): string {
  const words: string[] = [];
  for (let left = 1 + dice.below(4); left > 0; left--) {
    say({ kind: 'rule', name: 'item' }, 0, { dice, words });
    words.push('\n');
  }
  return words.join(' ');
}

interface Speech {
  readonly dice: Dice;
  readonly words: string[];
}

function say(shape: Shape, depth: number, speech: Speech): void {
  const { dice, words } = speech;
  const brief = depth >= DEEP || words.length >= LONG;
  switch (shape.kind) {
    case 'word':
      words.push(wordFor(shape.name, dice));
      return;
    case 'rule':
      say(ruleNamed(shape.name), depth + 1, speech);
      return;
    case 'sequence':
      for (const part of shape.parts) say(part, depth, speech);
      return;
    case 'choice': {
      const least = Math.min(...shape.options.map(heightOf));
      say(dice.pick(brief ? shape.options.filter((o) => heightOf(o) === least) : shape.options), depth, speech);
      return;
    }
    case 'optional':
      if (!brief && dice.below(2) === 0) say(shape.of, depth, speech);
      return;
    case 'repeat': {
      const count = brief ? shape.least : shape.least + dice.below(3);
      for (let i = 0; i < count; i++) {
        if (i > 0 && shape.separator) say(shape.separator, depth, speech);
        say(shape.of, depth, speech);
      }
    }
  }
}

function ruleNamed(name: string): Shape {
  return RULES.get(name) ?? { kind: 'sequence', parts: [] };
}

function heights(): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (let changed = true; changed; ) {
    changed = false;
    for (const [name, shape] of RULES) {
      const height = 1 + heightIn(found, shape);
      if (height < (found.get(name) ?? Number.POSITIVE_INFINITY)) {
        found.set(name, height);
        changed = true;
      }
    }
  }
  return found;
}

function heightOf(shape: Shape): number {
  return heightIn(HEIGHTS, shape);
}

function heightIn(known: ReadonlyMap<string, number>, shape: Shape): number {
  switch (shape.kind) {
    case 'word':
      return 0;
    case 'rule':
      return known.get(shape.name) ?? Number.POSITIVE_INFINITY;
    case 'sequence':
      return Math.max(0, ...shape.parts.map((part) => heightIn(known, part)));
    case 'choice':
      return Math.min(...shape.options.map((option) => heightIn(known, option)));
    case 'optional':
      return 0;
    case 'repeat':
      return shape.least === 0 ? 0 : heightIn(known, shape.of);
  }
}

function wordFor(type: string, dice: Dice): string {
  // A comma at the end needs a closing bracket behind it, which the rules do not say.
  if (type === 'TrailingComma') return '';
  const word = wordOf(type);
  if (word.kind === 'literal') return word.text;
  switch (word.name) {
    case 'NAME':
      return dice.pick(NAMES);
    case 'NUMBER':
      return dice.pick(NUMBERS);
    case 'STRING':
      return dice.pick(STRINGS);
    case 'END':
      return '\n';
  }
}
