import type { Source } from '../support/source.ts';
import { lex } from '../syntax/lex.ts';
import { parseOnce } from '../syntax/parse.ts';

/** Whether two sources have the same syntax tree up to places, and the same comments in the same order. */
export function sameProgram(a: Source, b: Source): boolean {
  const [left, right] = [parseOnce(a), parseOnce(b)];
  return (
    left.diagnostics.length === right.diagnostics.length &&
    sameTree(left.file, right.file) &&
    commentsIn(a).join('\n') === commentsIn(b).join('\n')
  );
}

function commentsIn(source: Source): readonly string[] {
  const { docs, comments } = lex(source);
  return [...docs, ...comments].sort((a, b) => a.startOffset - b.startOffset).map(({ image }) => image.trimEnd());
}

function sameTree(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return Object.is(a, b);
  const [left, right] = [Object.entries(a), new Map(Object.entries(b))];
  return left.length === right.size && left.every(([key, value]) => key === 'span' || sameTree(value, right.get(key)));
}
