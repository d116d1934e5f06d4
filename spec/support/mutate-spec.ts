/** Specs with mistakes: a few changes by token or by character. */
import type { TokenType } from 'chevrotain';
import { lexer, Name, NumberLiteral } from '../../grammar/tokens.ts';
import type { Dice } from './random-program.ts';

const SIGNS = '( ) [ ] { } , = => -> .. @ @[ * ** ~ ; . : + - / % ^ < <= == != _ " /// //'.split(' ');
const WORDS = 'if else then for in fn model train param weights probe axis return use not and or none inf true'.split(
  ' ',
);
const ODD = ['é', '\u0000', '\uD800', '\u202e', '×', '#', '\t', '\r\n', '1e', '1_', '1e999', '0', '-1', '4097', '1e9'];
const NUMBERS = '0 1 2 3 0.5 1.5 7 12 64 1e-30 1e39 1e308 4096 5000 2147483648'.split(' ');
const OPERATORS = ['+', '-', '*', '/', '%', '^', '@', '@[]', '<', '<=', '==', '!=', 'and', 'or'];
/** What may stand for a name. */
const OPERANDS = [
  '(1, 2)',
  '(a = 1,)',
  '[]',
  '[1, 2]',
  '(x => x)',
  '((x, y) => x)',
  'none',
  'inf',
  '"text"',
  'true',
  '(0 / 0)',
  '(1 / 0)',
  '(-1)',
  'RMSNorm()',
  'index(time)',
  'float(tokens)',
  '(x > 0)',
  'x[time -> key]',
  'x[time = 0]',
  'x[time = 0..1]',
  'x[width -> two * half]',
  'sum(x)',
  'sum(x, over = time)',
  'training',
  'step',
  'stack([x, x], two)',
  'shift(x, time, 1)',
  '(if training then x else -x)',
  '(x => RMSNorm()(x))',
  'uniform(like = x)',
];

interface Piece {
  readonly type: TokenType | undefined;
  readonly text: string;
  /** What stands between it and the piece before. */
  readonly gap: string;
}

/** `text` with one to three changes that most often leave its syntax alone. */
export function mutatedMeaning(text: string, others: readonly string[], dice: Dice): string {
  let now = text;
  for (let left = 1 + dice.below(3); left > 0; left--) now = changeMeaning(now, others, dice);
  return now;
}

/** Puts a name, a number or an operator in the place of one. */
function changeMeaning(text: string, others: readonly string[], dice: Dice): string {
  const pieces = piecesOf(text);
  const kinds = pieces.map(({ type, text: word }) =>
    type === Name || type === NumberLiteral ? type.name : OPERATORS.includes(word) ? 'operator' : undefined,
  );
  const places = kinds.flatMap((kind, at) => (kind === undefined ? [] : [at]));
  if (places.length === 0) return text;
  const at = dice.pick(places);
  const names = (of: readonly Piece[]): readonly string[] => of.flatMap((p) => (p.type === Name ? [p.text] : []));
  const instead = (): string => {
    if (kinds[at] === 'operator') return dice.pick(OPERATORS);
    if (kinds[at] === NumberLiteral.name) return dice.pick(NUMBERS);
    switch (dice.below(4)) {
      case 0:
        return dice.pick(OPERANDS);
      case 1:
        return dice.pick([...names(piecesOf(dice.pick(others))), 'x']);
      default:
        return dice.pick(names(pieces));
    }
  };
  return join(pieces.map((piece, i) => (i === at ? { ...piece, text: instead() } : piece)));
}

/** `text` with one to four changes, after which its syntax is most often wrong. `others` are specs to borrow from. */
export function mutated(text: string, others: readonly string[], dice: Dice): string {
  let now = text;
  for (let left = 1 + dice.below(4); left > 0; left--)
    now = dice.below(3) === 0 ? changeCharacter(now, dice) : changeToken(now, others, dice);
  return now;
}

function changeCharacter(text: string, dice: Dice): string {
  const at = dice.below(text.length + 1);
  const cut = dice.below(3);
  const added =
    dice.below(2) === 0 ? '' : String.fromCharCode(dice.below(4) === 0 ? dice.below(65536) : dice.below(128));
  return text.slice(0, at) + added + text.slice(at + cut);
}

function changeToken(text: string, others: readonly string[], dice: Dice): string {
  const pieces = piecesOf(text);
  if (pieces.length === 0) return dice.pick(others);
  const at = dice.below(pieces.length);
  const piece = dice.pick(pieces.slice(at, at + 1));
  const put = (...instead: readonly Piece[]): string =>
    join([...pieces.slice(0, at), ...instead, ...pieces.slice(at + 1)]);
  switch (dice.below(6)) {
    case 0:
      return put();
    case 1:
      return put(piece, { ...piece, gap: ' ' });
    case 2:
      return put({ ...piece, text: anyWord(dice) });
    case 3:
      return put({ ...piece, text: dice.pick(pieces).text });
    case 4:
      return put(piece, { type: undefined, gap: ' ', text: dice.pick(piecesOf(dice.pick(others))).text });
    default: {
      // A whole stretch is moved: statements in other bodies, arguments in other calls.
      const from = dice.below(pieces.length);
      return put(piece, ...pieces.slice(from, from + 1 + dice.below(20)));
    }
  }
}

function anyWord(dice: Dice): string {
  return dice.pick(dice.pick([SIGNS, WORDS, ODD]));
}

function piecesOf(text: string): readonly Piece[] {
  let end = 0;
  return lexer.tokenize(text).tokens.map(({ startOffset, image, tokenType }) => {
    const gap = text.slice(end, startOffset);
    end = startOffset + image.length;
    return { type: tokenType, text: image, gap };
  });
}

function join(pieces: readonly Piece[]): string {
  return pieces.map(({ gap, text }) => gap + text).join('');
}
