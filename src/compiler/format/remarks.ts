/** Which comments belong to which word: they are printed with it, so none is lost and none passes another. */
import type { IToken } from 'chevrotain';
import { Comma, Newline, Semicolon } from '../../../grammar/tokens.ts';
import type { Source } from '../support/source.ts';
import type { Lexed } from '../syntax/lex.ts';

/** A comment on a line of its own. */
export interface Remark {
  readonly text: string;
  /** A blank line stands before it. */
  readonly blank: boolean;
}

/** What stands around a word beside other words. */
export interface Surroundings {
  readonly before: readonly Remark[];
  /** A blank line stands directly before the word. */
  readonly blank: boolean;
  /** The comment behind it on its line. */
  readonly after: string | undefined;
}

export interface Remarks {
  /** Around the word that begins at an offset. */
  readonly around: (start: number) => Surroundings;
  /** The comments behind the last word. */
  readonly atEnd: readonly Remark[];
}

const NOTHING: Surroundings = { before: [], blank: false, after: undefined };

export function remarksOf(source: Source, { tokens, docs, comments }: Lexed): Remarks {
  const isComment = new Set([...docs, ...comments]);
  const pieces = [...tokens.filter(({ tokenType }) => tokenType !== Newline), ...isComment].sort(
    (a, b) => a.startOffset - b.startOffset,
  );
  const found = new Map<number, Surroundings>();
  let word: IToken | undefined;
  let end = 0;
  let before: Remark[] = [];
  for (const piece of pieces) {
    const lines = source.text.slice(end, piece.startOffset).split(/\r\n|\n|\r/).length - 1;
    end = piece.startOffset + piece.image.length;
    const blank = lines > 1;
    if (isComment.has(piece)) {
      const text = piece.image.trimEnd();
      const last = word && found.get(word.startOffset);
      if (word && last && lines === 0 && last.after === undefined && before.length === 0)
        found.set(word.startOffset, { ...last, after: text });
      else before.push({ text, blank });
    } else if (piece.tokenType !== Comma && piece.tokenType !== Semicolon) {
      word = piece;
      found.set(piece.startOffset, { before, blank, after: undefined });
      before = [];
    }
  }
  return { around: (start) => found.get(start) ?? NOTHING, atEnd: before };
}
