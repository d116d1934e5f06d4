/** Turns the parser's errors into diagnostics in the words of the language. */
import { EOF, type IRecognitionException, type IToken, type TokenType } from 'chevrotain';
import * as T from '../../../grammar/tokens.ts';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import { syntaxDiagnostic } from '../diagnostics/syntax.ts';
import type { Source, Span } from '../support/source.ts';

type Code =
  | 'expected-expression'
  | 'expected-name'
  | 'expected-token'
  | 'expected-statement'
  | 'expected-declaration'
  | 'unexpected-token';

interface Wanted {
  readonly code: Code;
  readonly what: string;
  readonly help?: string;
}

const EXPRESSION: Wanted = { code: 'expected-expression', what: 'an expression' };
const NAME: Wanted = { code: 'expected-name', what: 'a name' };
const STATEMENT: Wanted = { code: 'expected-statement', what: 'a statement' };
const LEFTOVER: Wanted = { code: 'unexpected-token', what: '' };

/** What a rule wanted where none of its alternatives fits. */
const BY_RULE: Readonly<Record<string, Wanted>> = {
  item: { code: 'expected-declaration', what: '`use`, `fn`, `model`, `train` or a binding' },
  use: { code: 'expected-token', what: 'the name of a module or a path in quotes' },
  fn: { code: 'expected-token', what: '`fn` or `model`' },
  fnBody: { code: 'expected-token', what: '`=` or a body in braces' },
  paramType: { code: 'expected-token', what: '`axis` or a tensor type such as `[.., width]`' },
  pattern: NAME,
  dim: { code: 'expected-name', what: 'an axis or `..`' },
  dims: { code: 'expected-name', what: 'an axis or `..`' },
  segNames: { code: 'expected-name', what: 'a name or the number of an iteration' },
  seg: { code: 'expected-name', what: 'a name, `*`, `**` or names in braces' },
  key: NAME,
  names: NAME,
  axes: { code: 'expected-name', what: 'the name of an axis' },
  axisOp: { code: 'expected-token', what: '`axis = position`, `axis = from..to` or `axis -> axis`' },
  ifStmt: { code: 'expected-token', what: '`if` or `{`' },
};

const BY_TOKEN = new Map<string, Wanted>(
  [
    { type: T.Equals, what: '`=`' },
    { type: T.FatArrow, what: '`=>`' },
    { type: T.Arrow, what: '`->`' },
    { type: T.Tilde, what: '`~` and an init', help: 'a weight needs an init, such as `~ normal(0.02)` or `~ 1`' },
    { type: T.Colon, what: '`:`' },
    { type: T.In, what: '`in`' },
    { type: T.Then, what: '`then`' },
    { type: T.Else, what: '`else`', help: 'an `if` that gives a value needs both sides: `if a then b else c`' },
    { type: T.OpenBrace, what: '`{`', help: 'the brace that opens a body stands on the same line' },
    { type: T.Paren, what: '`(`' },
    { type: T.OpenSquare, what: '`[`' },
  ].map(({ type, ...wanted }) => [type.name, { code: 'expected-token', ...wanted }]),
);

/** What people from other languages mean by a word or sign at this place. */
const FOREIGN = new Map<TokenType, string>([
  [T.StarStar, 'a power is written `a ^ b`'],
  [T.If, 'put `(if … then … else …)` in parentheses'],
  [T.FatArrow, 'a lambda is written `x => …` or `(x, y) => …`, in parentheses where it is an operand'],
  [T.Dot, 'a number begins with a digit: 0.5'],
  [T.OpenBrace, 'a record is written `(a = 1, b = 2)`'],
  [T.Separator, 'finish the line with an operator if the expression goes on in the next'],
]);

const STARTS: ReadonlySet<TokenType> = new Set([
  ...[T.Name, T.NumberLiteral, T.StringLiteral, T.True, T.False, T.None, T.Inf, T.PlainParen, T.LambdaParen],
]);

const KEYWORDS: ReadonlySet<string> = new Set(T.KEYWORDS);

/** `previous` is the token before the one where the parser stopped. */
export function describeError(source: Source, error: IRecognitionException, previous: IToken | undefined): Diagnostic {
  const found = error.token;
  const wanted = whatWasWanted(error, previous);
  const place = { span: spanOf(source, found, previous) };
  const opens = previous !== undefined && NAMES_FOLLOW.has(previous.tokenType);
  if (KEYWORDS.has(found.image) && (wanted.code === 'expected-name' || (wanted === LEFTOVER && opens))) {
    return syntaxDiagnostic('keyword-as-name', { word: found.image }, place);
  }
  const after = shown(previous);
  if (wanted === LEFTOVER) {
    const what = shown(found) ?? 'the end';
    return syntaxDiagnostic('unexpected-token', { found: what, after, help: leftoverHelp(found, previous) }, place);
  }
  const help = helpFor(wanted, found, previous);
  return syntaxDiagnostic(wanted.code, { what: wanted.what, after, found: shown(found), help }, place);
}

const NAMES_FOLLOW: ReadonlySet<TokenType> = new Set([
  ...[T.PlainParen, T.LambdaParen, T.OpenSquare, T.Comma, T.OpenBrace],
]);

function whatWasWanted(error: IRecognitionException, previous: IToken | undefined): Wanted {
  const rule = error.context.ruleStack.at(-1) ?? '';
  if (error.name === 'NotAllInputParsedException') return LEFTOVER;
  if (error.name !== 'MismatchedTokenException') return BY_RULE[rule] ?? EXPRESSION;
  if (error.message === T.Name.name) return NAME;
  if (error.message === T.Equals.name && rule === 'binding') return BINDING;
  const begins = previous?.tokenType === T.OpenBrace || previous?.tokenType === T.Separator;
  if (error.message === T.CloseBrace.name && begins) return IN_BRACES[rule] ?? LEFTOVER;
  return BY_TOKEN.get(error.message) ?? LEFTOVER;
}

/** What may begin a line in the braces of a rule. */
const IN_BRACES: Readonly<Record<string, Wanted>> = {
  body: STATEMENT,
  train: { code: 'expected-statement', what: 'a binding, `weights` or `probe`' },
  attrs: { code: 'expected-statement', what: 'an attribute such as `decay = 0`' },
};

const BINDING: Wanted = {
  code: 'expected-token',
  what: '`=`',
  help: 'a value is bound to a name, as in `y = f(x)`; an expression alone does nothing',
};

/** Words that begin a binding in other languages. */
const LET: ReadonlySet<string> = new Set(['let', 'const', 'var', 'val', 'auto', 'def']);

function helpFor(wanted: Wanted, found: IToken, previous: IToken | undefined): string | undefined {
  if (wanted === BINDING && LET.has(previous?.image ?? '')) return `leave \`${previous?.image}\` out`;
  if (wanted === BINDING && ASSIGNING.has(found.tokenType)) {
    return `write \`${previous?.image} = ${previous?.image} ${found.image} …\``;
  }
  if (wanted.help !== undefined) return wanted.help;
  if (wanted === STATEMENT && (found.tokenType === T.Fn || found.tokenType === T.Model)) {
    return 'functions are declared at the top level; inside a body bind a lambda: `f = x => …`';
  }
  if (wanted.code === 'expected-declaration' && KEYWORDS.has(found.image)) {
    return `\`${found.image}\` belongs into the body of a function or model`;
  }
  if (previous?.tokenType === T.Train) return 'name a configured model, such as `train Llama(width = 128) { … }`';
  return wanted === EXPRESSION ? FOREIGN.get(found.tokenType) : undefined;
}

const ASSIGNING: ReadonlySet<TokenType> = new Set([T.Plus, T.Minus, T.Star, T.Slash]);

function leftoverHelp(found: IToken, previous: IToken | undefined): string | undefined {
  if (previous?.tokenType === T.Name && found.tokenType === T.Equals) return 'compare with `==`';
  if (found.tokenType === T.FatArrow || found.tokenType === T.StarStar) return FOREIGN.get(found.tokenType);
  if (KEYWORDS.has(found.image)) return `\`${found.image}\` begins a statement of its own`;
  if (STARTS.has(found.tokenType)) return 'an operator, a comma or a new line is missing between them';
  return undefined;
}

/** A token as it stands in the source; nothing for the end of a line or of the file, and for what was put in. */
function shown(token: IToken | undefined): string | undefined {
  if (token === undefined || token.tokenType === EOF || token.image === '' || Number.isNaN(token.startOffset)) {
    return undefined;
  }
  if (token.tokenType === T.Separator && token.image !== ';') return undefined;
  const points = [...token.image];
  return points.length > 24 ? `\`${points.slice(0, 24).join('')}…\`` : `\`${token.image}\``;
}

/** The place of the token found, or just behind the one before where a line or the file ends. */
function spanOf(source: Source, found: IToken, previous: IToken | undefined): Span {
  if (shown(found) !== undefined) {
    return { source, start: found.startOffset, end: found.startOffset + found.image.length };
  }
  const known = previous !== undefined && !Number.isNaN(previous.startOffset);
  const end = known ? previous.startOffset + previous.image.length : 0;
  return { source, start: end, end };
}
