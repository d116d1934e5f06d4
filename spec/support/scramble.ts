/** The same program with other spaces, line breaks and comments. */
import type { IToken } from 'chevrotain';
import { makeSource } from '../../src/compiler/support/source.ts';
import { layOut } from '../../src/compiler/syntax/layout.ts';
import { lex } from '../../src/compiler/syntax/lex.ts';
import type { Dice } from './random-program.ts';

const OPENS: Readonly<Record<string, boolean>> = { '(': true, '[': true, '{': false };
/** Behind these a line may break anywhere. */
const CONTINUES = new Set('= => -> ~ + - / % ^ == != < <= > >= and or not if then else return'.split(' '));
const CLOSES = new Set([')', ']', '}']);

/** Comments are numbered, so that their order can be seen. They stand in about one gap of `rarity`. */
export function scrambled(text: string, dice: Dice, rarity: number): string {
  const source = makeSource('scramble.tfm', text);
  const { tokens } = layOut(source, lex(source).tokens);
  const frames: boolean[] = [];
  let comments = 0;
  const comment = (): string => {
    comments += 1;
    return `${dice.pick(['//', '// ', '// allow: x ', '////'])}${comments}${dice.pick(['', ' ', ' (', ' "'])}`;
  };
  const spaces = (): string => ' '.repeat(dice.below(4));
  const lineEnd = (): string => `${spaces()}${dice.below(rarity) === 0 ? ` ${comment()}` : ''}\n${spaces()}`;
  const anyLines = (): string => {
    let made = lineEnd();
    while (dice.below(4) === 0) made += lineEnd();
    return made;
  };
  const between = (before: IToken | undefined, after: IToken): string => {
    const name = before?.tokenType.name;
    if (name === 'Separator' || after.tokenType.name === 'Separator') return '';
    const inside = frames.at(-1) === true || before?.image === '{' || after.image === '}';
    const breaks = inside || (before !== undefined && CONTINUES.has(before.image)) || before === undefined;
    if (breaks && dice.below(3) === 0) return anyLines();
    return before && sticks(before, after) ? ' ' : ' '.repeat(dice.below(3));
  };
  let made = '';
  let before: IToken | undefined;
  for (const token of tokens) {
    if (CLOSES.has(token.image)) frames.pop();
    made += between(before, token);
    made +=
      token.tokenType.name === 'Separator'
        ? dice.below(4) === 0
          ? `${spaces()};${spaces()}`
          : anyLines()
        : token.image;
    const opens = OPENS[token.image];
    if (opens !== undefined) frames.push(opens || before?.image === '.' || before?.image === 'weights');
    before = token;
  }
  return `${made}${dice.pick(['', '\n', '\n\n', anyLines()])}`;
}

/** Without a space between them they would be other words. */
function sticks(before: IToken, after: IToken): boolean {
  const both = `${before.image}${after.image}`;
  const { tokens } = lex(makeSource('pair.tfm', both));
  const isPair = tokens.length === 2 && tokens[0]?.image === before.image && tokens[1]?.image === after.image;
  return !isPair || /^[\d.]+$/.test(both);
}
