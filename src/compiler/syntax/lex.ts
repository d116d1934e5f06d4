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

/** What to write for signs that the language has not, and that people know what they mean by. */
const INSTEAD: Readonly<Record<string, string>> = {
  '#': '//',
  '!': 'not',
  "'": '"',
  '`': '"',
  '“': '"',
  '”': '"',
  '‘': '"',
  '’': '"',
  '×': '*',
  '·': '*',
  '÷': '/',
  '−': '-',
  '–': '-',
  '→': '->',
  '⇒': '=>',
  '≤': '<=',
  '≥': '>=',
  '≠': '!=',
  '∞': 'inf',
  '…': '..',
  '²': '^ 2',
};

/** What to say where it is more than that. */
const ADVICE: Readonly<Record<string, string>> = {
  '&': 'write `and`',
  '|': 'write `or`',
  '#': 'comments begin with `//`',
  '"': 'strings stand in `"`',
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

interface Described {
  readonly shown: string;
  readonly help: string | undefined;
  /** What to write in its place. */
  readonly instead: string | undefined;
}

function describeCharacters(image: string): Described {
  const points = [...image];
  const first = points[0] ?? '';
  if (points.length === 1 && !/[\p{L}\p{N}\p{P}\p{S}]/u.test(first)) {
    const code = (first.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    return { shown: `the invisible character U+${code}`, help: 'remove it, or type a plain space', instead: ' ' };
  }
  const shown = points.length > 12 ? `\`${points.slice(0, 12).join('')}…\`` : `\`${image}\``;
  const sign = INSTEAD[first];
  const letters = /\p{L}/u.test(first) ? 'names use the letters a to z, digits and `_`' : undefined;
  const help = ADVICE[first] ?? (sign === '"' ? ADVICE[sign] : sign && `write \`${sign}\``) ?? letters;
  return { shown, help, instead: points.length === 1 ? sign && spaced(sign) : undefined };
}

/** A word must not run into the name behind it. */
function spaced(sign: string): string {
  return /[a-z]$/.test(sign) ? `${sign} ` : sign;
}
