import type { IToken } from 'chevrotain';
import {
  COMMENT_GROUP,
  DOC_GROUP,
  lexer,
  StringLiteral,
  Unknown,
  UnterminatedString,
} from '../../../grammar/tokens.ts';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import { syntaxDiagnostic } from '../diagnostics/syntax.ts';
import type { Source } from '../support/source.ts';

export interface Lexed {
  readonly tokens: readonly IToken[];
  /** The `///` comments, in order. */
  readonly docs: readonly IToken[];
  /** The others, in order. */
  readonly comments: readonly IToken[];
  readonly diagnostics: readonly Diagnostic[];
}

/** What people mean by signs that the language has not. */
const INSTEAD: Readonly<Record<string, string>> = {
  '#': 'comments begin with `//`',
  '!': 'write `not`',
  '&': 'write `and`',
  '|': 'write `or`',
  "'": 'strings stand in `"`',
  '`': 'strings stand in `"`',
  '“': 'strings stand in `"`',
  '”': 'strings stand in `"`',
  '‘': 'strings stand in `"`',
  '’': 'strings stand in `"`',
  '×': 'write `*`',
  '·': 'write `*`',
  '÷': 'write `/`',
  '−': 'write `-`',
  '–': 'write `-`',
  '→': 'write `->`',
  '⇒': 'write `=>`',
  '≤': 'write `<=`',
  '≥': 'write `>=`',
  '≠': 'write `!=`',
  '∞': 'write `inf`',
  '…': 'write `..`',
  '²': 'write `^ 2`',
  '√': 'write `sqrt(…)`',
};

/** Splits a source into tokens. Whatever is no token is reported and left out. */
export function lex(source: Source): Lexed {
  const lexed = lexer.tokenize(source.text);
  const tokens: IToken[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const token of lexed.tokens) {
    const span = { source, start: token.startOffset, end: token.startOffset + token.image.length };
    if (token.tokenType === Unknown) {
      diagnostics.push(syntaxDiagnostic('unexpected-character', describeCharacters(token.image), { span }));
    } else if (token.tokenType === UnterminatedString) {
      diagnostics.push(syntaxDiagnostic('unterminated-string', {}, { span }));
      tokens.push({ ...token, tokenType: StringLiteral, tokenTypeIdx: StringLiteral.tokenTypeIdx ?? 0 });
    } else {
      tokens.push(token);
    }
  }
  return { tokens, docs: lexed.groups[DOC_GROUP] ?? [], comments: lexed.groups[COMMENT_GROUP] ?? [], diagnostics };
}

function describeCharacters(image: string): { shown: string; help: string | undefined } {
  const points = [...image];
  const first = points[0] ?? '';
  if (points.length === 1 && !/[\p{L}\p{N}\p{P}\p{S}]/u.test(first)) {
    const code = (first.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    return { shown: `the invisible character U+${code}`, help: 'remove it, or type a plain space' };
  }
  const help = INSTEAD[first] ?? (/\p{L}/u.test(first) ? 'names use the letters a to z, digits and `_`' : undefined);
  return { shown: points.length > 12 ? `\`${points.slice(0, 12).join('')}…\`` : `\`${image}\``, help };
}
