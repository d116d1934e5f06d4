import type { CstElement, IToken } from 'chevrotain';
import { positionAt, type Source } from '../support/source.ts';
import { allowancesIn } from '../syntax/allowances.ts';
import { spanOf } from '../syntax/cst.ts';
import type { Lexed } from '../syntax/lex.ts';
import { type Doc, type Gap, hard, sequence, text, word } from './doc.ts';
import { type Remark, remarksOf } from './remarks.ts';

/** What every function that makes documents needs of the text. */
export interface Context {
  /** The document of a word, with its comments. */
  readonly word: (token: IToken) => Doc;
  /** That of a closing bracket, and apart from it the comments before it, which stand with what the bracket holds. */
  readonly closing: (token: IToken) => { readonly close: Doc; readonly rest: Doc | undefined };
  /** What may stand between neighbours. */
  readonly gap: (before: CstElement, after: CstElement) => Gap;
  /** The author broke the line between neighbours. */
  readonly parted: (before: CstElement, after: CstElement) => boolean;
  /** The comments behind the last word. */
  readonly atEnd: Doc | undefined;
}

export function makeContext(source: Source, lexed: Lexed): Context {
  const remarks = remarksOf(source, lexed);
  const allowed = new Set(allowancesIn(source).map(({ line }) => line));
  // An allowance holds for one line, so that line keeps what stands on it.
  const onAllowed = (offset: number): boolean => allowed.size > 0 && allowed.has(positionAt(source, offset).line);
  const between = (before: CstElement, after: CstElement) =>
    [spanOf(source, before).end, spanOf(source, after).start] as const;
  const parted: Context['parted'] = (before, after) => /[\r\n]/.test(source.text.slice(...between(before, after)));
  return {
    word: (token) => word(token.image, remarks.around(token.startOffset)),
    closing: (token) => {
      const { before, after } = remarks.around(token.startOffset);
      return { close: word(token.image, { before: [], blank: false, after }), rest: linesOf(before) };
    },
    gap: (before, after) => {
      const [end, start] = between(before, after);
      const around = remarks.around(start);
      const blank = around.before[0]?.blank ?? around.blank;
      const broken = parted(before, after);
      const kind = !onAllowed(start) && !onAllowed(end) ? 'free' : broken ? 'hard' : 'glue';
      return { kind, parted: broken, blank };
    },
    parted,
    atEnd: linesOf(remarks.atEnd),
  };
}

function linesOf(remarks: readonly Remark[]): Doc | undefined {
  if (remarks.length === 0) return undefined;
  return sequence(remarks.flatMap(({ text: words, blank }) => [hard(blank), text(words)]));
}
