import { positionAt, type Source, type Span } from '../support/source.ts';
import { lex } from './lex.ts';

/** `// allow: NAME, NAME` at the end of a line, or alone on the line above it. */
export interface Allowance {
  readonly name: string;
  /** Where the name stands. */
  readonly span: Span;
  /** The line that it holds for. */
  readonly line: number;
}

const FORM = /^\/\/\s*allow:/;

export function allowancesIn(source: Source): readonly Allowance[] {
  if (!source.text.includes('allow:')) return [];
  return lex(source).comments.flatMap(({ image, startOffset }): readonly Allowance[] => {
    const [head] = FORM.exec(image) ?? [];
    if (head === undefined) return [];
    const { line } = positionAt(source, startOffset);
    const before =
      source.text
        .slice(0, startOffset)
        .split(/[\r\n]/)
        .at(-1) ?? '';
    const target = before.trim() === '' ? line + 1 : line;
    return [...image.slice(head.length).matchAll(/[^\s,]+/g)].map((match) => {
      const start = startOffset + head.length + match.index;
      return { name: match[0], span: { source, start, end: start + match[0].length }, line: target };
    });
  });
}
