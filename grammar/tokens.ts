/**
 * The words of the language, for chevrotain's lexer.
 *
 * The lexer accepts every text: what belongs to no word is an `Unknown` token, and malformed numbers and strings are
 * still numbers and strings, so that the compiler can describe them in its own words. `Separator`, `TrailingComma` and
 * `LambdaParen` are never lexed: the layout pass puts them where newlines, commas and parentheses mean them.
 */
import { createToken, Lexer, type TokenType } from 'chevrotain';

const all: TokenType[] = [];

/** A token without newlines; said, because the lexer would otherwise look for them in each pattern when a process starts. */
function token(
  name: string,
  pattern: RegExp | string,
  more: { categories?: TokenType; before?: TokenType } = {},
): TokenType {
  const made = createToken({
    name,
    pattern,
    line_breaks: false,
    ...(more.categories ? { categories: more.categories } : {}),
    ...(more.before ? { longer_alt: more.before } : {}),
  });
  all.push(made);
  return made;
}

function abstract(name: string, categories: TokenType[] = []): TokenType {
  return createToken({ name, pattern: Lexer.NA, categories });
}

// Layout and comments.
export const Newline = createToken({ name: 'Newline', pattern: /\r\n|\n|\r/, line_breaks: true });
const Space = createToken({ name: 'Space', pattern: /[ \t]+/, line_breaks: false, group: Lexer.SKIPPED });
export const DOC_GROUP = 'docs';
const Doc = createToken({ name: 'Doc', pattern: /\/\/\/(?!\/)[^\r\n]*/, line_breaks: false, group: DOC_GROUP });
export const COMMENT_GROUP = 'comments';
const Comment = createToken({ name: 'Comment', pattern: /\/\/[^\r\n]*/, line_breaks: false, group: COMMENT_GROUP });
all.push(Newline, Space, Doc, Comment);

export const Name = createToken({ name: 'Name', pattern: /[A-Za-z_][A-Za-z0-9_]*/, line_breaks: false });

/** Every keyword, closed: none of them can be a name. */
export const KEYWORDS = [
  'use',
  'fn',
  'model',
  'train',
  'axis',
  'param',
  'weights',
  'probe',
  'for',
  'in',
  'if',
  'then',
  'else',
  'return',
  'and',
  'or',
  'not',
  'true',
  'false',
  'none',
  'inf',
] as const;

function keyword(word: (typeof KEYWORDS)[number]): TokenType {
  const name = word.charAt(0).toUpperCase() + word.slice(1);
  return token(name, word, { before: Name });
}

export const Use = keyword('use');
export const Fn = keyword('fn');
export const Model = keyword('model');
export const Train = keyword('train');
export const Axis = keyword('axis');
export const Param = keyword('param');
export const Weights = keyword('weights');
export const Probe = keyword('probe');
export const For = keyword('for');
export const If = keyword('if');
export const Then = keyword('then');
export const Else = keyword('else');
export const Return = keyword('return');
export const And = keyword('and');
export const Or = keyword('or');
export const Not = keyword('not');
export const True = keyword('true');
export const False = keyword('false');
export const None = keyword('none');
// Before `in`, of which it is a longer form.
export const Inf = keyword('inf');
export const In = keyword('in');

export const Underscore = token('Underscore', '_', { before: Name });
all.push(Name);

/** Loose on purpose: `12k` and `1__0` are one malformed number each. A dot belongs to it only before a digit. */
export const NumberLiteral = token('NumberLiteral', /[0-9](?:[eE][+-](?=[0-9])|\.(?=[0-9])|[0-9A-Za-z_])*/);
export const StringLiteral = token('StringLiteral', /"(?:[^"\\\r\n]|\\[^\r\n])*"/);
export const UnterminatedString = token('UnterminatedString', /"(?:[^"\\\r\n]|\\[^\r\n])*\\?/);

// Punctuation, longest first.
export const FatArrow = token('FatArrow', '=>');
export const EqualEqual = token('EqualEqual', '==');
export const NotEqual = token('NotEqual', '!=');
export const LessEqual = token('LessEqual', '<=');
export const GreaterEqual = token('GreaterEqual', '>=');
export const Arrow = token('Arrow', '->');
export const StarStar = token('StarStar', '**');
export const DotDot = token('DotDot', '..');
export const Equals = token('Equals', '=');
export const Less = token('Less', '<');
export const Greater = token('Greater', '>');
export const Plus = token('Plus', '+');
export const Minus = token('Minus', '-');
export const Star = token('Star', '*');
export const Slash = token('Slash', '/');
export const Percent = token('Percent', '%');
export const Caret = token('Caret', '^');
export const At = token('At', '@');
export const Tilde = token('Tilde', '~');
export const Dot = token('Dot', '.');
export const Comma = token('Comma', ',');
export const Colon = token('Colon', ':');
export const Semicolon = token('Semicolon', ';');

/** Any `(`: where a lambda cannot stand, both kinds will do. */
export const Paren = abstract('Paren');
export const PlainParen = token('PlainParen', '(', { categories: Paren });
/** A `(` whose `)` stands before `=>`. */
export const LambdaParen = abstract('LambdaParen', [Paren]);
export const CloseParen = token('CloseParen', ')');
export const OpenSquare = token('OpenSquare', '[');
export const CloseSquare = token('CloseSquare', ']');
export const OpenBrace = token('OpenBrace', '{');
export const CloseBrace = token('CloseBrace', '}');

/** A `;`, or a newline that ends a statement. */
export const Separator = abstract('Separator');
/** A comma before a closing bracket. */
export const TrailingComma = abstract('TrailingComma');

export const Unknown = createToken({
  name: 'Unknown',
  pattern: /(?:[\uD800-\uDBFF][\uDC00-\uDFFF]|[^\x21\x23-\x7E\s"])+|[\s\S]/,
  line_breaks: true,
});
all.push(Unknown, Paren, LambdaParen, Separator, TrailingComma);

/** All token types, those that only the layout pass makes included. */
export const vocabulary: readonly TokenType[] = all;

export function makeLexer(skipValidations: boolean): Lexer {
  return new Lexer([...all], { positionTracking: 'full', ensureOptimizations: false, skipValidations });
}

// As with the parser: a test validates.
export const lexer = makeLexer(true);
