import type { IToken } from 'chevrotain';
import { syntaxDiagnostic } from '../diagnostics/syntax.ts';
import type { Expr } from './ast.ts';
import type { Builder } from './builder.ts';
import { spanOf } from './cst.ts';

const NUMBER = /^\d+(?:_\d+)*(?:\.\d+(?:_\d+)*)?(?:[eE][+-]?\d+)?$/;
const MAGNITUDE: Readonly<Record<string, string>> = { k: '_000', K: '_000', M: '_000_000', m: '_000_000' };

export function buildNumber(build: Builder, token: IToken): Expr {
  const span = spanOf(build.source, token);
  const text = token.image;
  if (!NUMBER.test(text)) {
    build.report(syntaxDiagnostic('malformed-number', { text: clip(text), help: numberHelp(text) }, { span }));
    return { kind: 'number', value: 0, span };
  }
  const digits = text.replaceAll('_', '');
  const value = Number(digits);
  const vanished = value === 0 && /[1-9]/.test(digits.replace(/[eE].*/, ''));
  if (value === Number.POSITIVE_INFINITY || vanished) {
    const how = vanished ? 'small' : 'large';
    build.report(syntaxDiagnostic('number-out-of-range', { text: clip(text), how }, { span }));
  }
  return { kind: 'number', value, span };
}

function numberHelp(text: string): string | undefined {
  const unit = /^(\d+)([kKmM])$/.exec(text);
  const zeros = MAGNITUDE[unit?.[2] ?? ''];
  if (unit !== null && zeros !== undefined) return `numbers have no units: write \`${unit[1]}${zeros}\``;
  if (/^0[xXbBoO]/.test(text)) return 'numbers are decimal';
  if (/__|_$|_\.|\._|_[eE]/.test(text)) return 'a single `_` may stand between two digits';
  if (/^\d+[A-Za-z_]/.test(text)) return 'a name cannot begin with a digit';
  return undefined;
}

const ESCAPES: Readonly<Record<string, string>> = { '"': '"', '\\': '\\', n: '\n', t: '\t' };

/** The text of a string without its quotation marks. */
export function readString(build: Builder, token: IToken): string {
  const inner = token.image.slice(1, token.image.endsWith('"') && token.image.length > 1 ? -1 : undefined);
  return inner.replaceAll(/\\([\s\S]?)/gu, (written: string, sign: string, at: number) => {
    const meaning = ESCAPES[sign];
    if (meaning !== undefined) return meaning;
    const start = token.startOffset + 1 + at;
    const span = { source: build.source, start, end: start + written.length };
    build.report(syntaxDiagnostic('bad-escape', { escape: written }, { span }));
    return '';
  });
}

function clip(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
