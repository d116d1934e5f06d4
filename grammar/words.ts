import { KEYWORDS, vocabulary } from './tokens.ts';

/** How a token is written: always the same, or one of many texts. */
export type Word =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'class'; readonly name: 'NAME' | 'NUMBER' | 'STRING' | 'END' };

/** Words whose pattern does not show how they are written. `END` is a `;` or the end of a line that ends a statement. */
const OTHERS: Readonly<Record<string, Word>> = {
  Name: { kind: 'class', name: 'NAME' },
  NumberLiteral: { kind: 'class', name: 'NUMBER' },
  StringLiteral: { kind: 'class', name: 'STRING' },
  Separator: { kind: 'class', name: 'END' },
  TrailingComma: { kind: 'literal', text: ',' },
  Paren: { kind: 'literal', text: '(' },
  LambdaParen: { kind: 'literal', text: '(' },
};

const SIGNS: ReadonlyMap<string, string> = new Map(
  vocabulary.flatMap(({ name, PATTERN }) => (typeof PATTERN === 'string' ? [[name, PATTERN] as const] : [])),
);

/** The word of a type of tokens, by its name. */
export function wordOf(type: string): Word {
  const keyword = KEYWORDS.find((word) => word === type.toLowerCase());
  return OTHERS[type] ?? { kind: 'literal', text: keyword ?? SIGNS.get(type) ?? type };
}
