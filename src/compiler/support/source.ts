/**
 * Source texts and places in them.
 *
 * Offsets count UTF-16 units of the text as JavaScript holds it (a byte order mark is removed when a source is made).
 * Lines and columns are counted from 1, columns in code points, which is what editors show.
 */
export interface Source {
  /** The path as the user would write it, for messages. Library files are `std/NAME.tfm`. */
  readonly path: string;
  readonly text: string;
  /** The file begins with a byte order mark, which `text` does not hold. */
  readonly byteOrderMark?: true;
  /** Opens a file by a path from this one, the same object each time; missing for a text that stands alone. */
  readonly neighbour?: (path: string) => Source | NoNeighbour;
}

/** Why a file cannot be opened: `it does not exist`. */
export interface NoNeighbour {
  readonly refused: string;
  /** Files that are there instead, as paths from the same file. */
  readonly others: readonly string[];
}

export interface Span {
  readonly source: Source;
  /** First unit. */
  readonly start: number;
  /** One past the last unit. */
  readonly end: number;
}

/** Stands for a place where the compiler made something that no single place of a source asked for. */
export const GENERATED: Span = { source: { path: '<generated>', text: '' }, start: 0, end: 0 };

export interface Position {
  readonly line: number;
  readonly column: number;
}

export function makeSource(path: string, text: string, neighbour?: Source['neighbour']): Source {
  const source = { path, text, ...(neighbour ? { neighbour } : {}) };
  return text.charCodeAt(0) === 0xfeff ? { ...source, text: text.slice(1), byteOrderMark: true } : source;
}

const lineStarts = new WeakMap<Source, readonly number[]>();

/** The offsets at which lines begin, found once for a source. */
function lineStartsOf(source: Source): readonly number[] {
  const known = lineStarts.get(source);
  if (known) return known;
  const starts = [0, ...[...source.text.matchAll(/\r\n|\n|\r/g)].map((m) => m.index + m[0].length)];
  lineStarts.set(source, starts);
  return starts;
}

export function positionAt(source: Source, offset: number): Position {
  const starts = lineStartsOf(source);
  let low = 0;
  for (let high = starts.length - 1; low < high; ) {
    const middle = Math.ceil((low + high) / 2);
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: [...source.text.slice(starts[low] ?? 0, offset)].length + 1 };
}

/** The smallest span that holds both. Spans of different sources give the first. */
export function joinSpans(a: Span, b: Span): Span {
  if (a.source !== b.source) return a;
  return { source: a.source, start: Math.min(a.start, b.start), end: Math.max(a.end, b.end) };
}

/** Whether an offset lies in a span or at its end, where a cursor may stand. */
export function spanHolds({ start, end }: Span, offset: number): boolean {
  return start <= offset && offset <= end;
}
