/** The code blocks of the language reference, and what they state. spec/language/README.md describes their form. */
import type { Form } from '../../src/compiler/diagnostics/example.ts';

export type Claim =
  /** The value of a binding: numbers, row-major. */
  | { readonly kind: 'gives'; readonly name: string; readonly values: readonly number[] }
  /** The type of a binding, as messages show types. */
  | { readonly kind: 'is'; readonly name: string; readonly type: string }
  /** The names of all weights. */
  | { readonly kind: 'weights'; readonly names: readonly string[] };

export interface Mark {
  /** The line of the block that is marked, from 0, and the columns from `start` to before `end`. */
  readonly line: number;
  readonly start: number;
  readonly end: number;
}

export type Block = { readonly line: number; readonly text: string } & (
  | { readonly kind: 'accept'; readonly form: Form; readonly claims: readonly Claim[] }
  | { readonly kind: 'refuse' | 'warn'; readonly form: Form; readonly code: string; readonly mark: Mark }
  /** A file that later blocks of the chapter use. */
  | { readonly kind: 'named'; readonly path: string }
  /** No program: what a command prints, a rule of the grammar. */
  | { readonly kind: 'other' }
);

const FORMS: readonly Form[] = ['file', 'top', 'body', 'train', 'stack'];

/** Reads a chapter; fails on a block that it does not understand. */
export function blocksOf(chapter: string): readonly Block[] {
  return [...chapter.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map((match) => {
    const line = chapter.slice(0, match.index).split('\n').length;
    return readBlock(match[1] ?? '', match[2] ?? '', line);
  });
}

function readBlock(info: string, text: string, line: number): Block {
  const [language = '', first = 'file', second, third = 'body', ...more] = info.split(' ');
  const unknown = (): never => {
    throw new Error(`line ${line}: the block \`${info}\` has no meaning`);
  };
  if (language === 'text' || language === 'sh') return { kind: 'other', line, text };
  if (language !== 'tfm' || more.length > 0) return unknown();
  if (first === 'as') return second === undefined ? unknown() : { kind: 'named', path: second, line, text };
  if (first === 'refuse' || first === 'warn') {
    const form = FORMS.find((f) => f === third);
    if (second === undefined || !form) return unknown();
    return { kind: first, code: second, form, mark: markOf(text, line), line, text };
  }
  const form = FORMS.find((f) => f === first);
  if (!form || second !== undefined) return unknown();
  return { kind: 'accept', form, claims: claimsOf(text, line), line, text };
}

function markOf(text: string, block: number): Mark {
  const lines = text.split('\n');
  const marks = lines.flatMap((line, i) => (/^\/\/ *\^+$/.test(line) ? [i] : []));
  const [at] = marks;
  if (at === undefined || at === 0 || marks.length > 1) throw new Error(`line ${block}: one place is to be marked`);
  const marked = lines[at] ?? '';
  return { line: at - 1, start: marked.indexOf('^'), end: marked.length };
}

function claimsOf(text: string, block: number): readonly Claim[] {
  return text.split('\n').flatMap((line): readonly Claim[] => {
    const [code = '', comment = ''] = line.split(/ *\/\/ (?=gives |is |weights: )/);
    if (comment === '') return [];
    const [word = '', rest = ''] = splitOnce(comment);
    if (word === 'weights:') return [{ kind: 'weights', names: rest.split(', ').sort() }];
    const name = /^ *(\w+)(?:: .*)? = /.exec(code)?.[1];
    if (name === undefined) throw new Error(`line ${block}: \`${line}\` binds no name`);
    if (word === 'is') return [{ kind: 'is', name, type: rest }];
    const values = rest.replaceAll(/[[\]]/g, '').split(', ').map(readValue);
    if (values.some(Number.isNaN)) throw new Error(`line ${block}: \`${rest}\` are no numbers`);
    return [{ kind: 'gives', name, values }];
  });
}

function readValue(text: string): number {
  return text === 'true' ? 1 : text === 'false' ? 0 : text === 'inf' ? Number.POSITIVE_INFINITY : Number(text);
}

function splitOnce(text: string): readonly string[] {
  const at = text.indexOf(' ');
  return [text.slice(0, at), text.slice(at + 1)];
}
