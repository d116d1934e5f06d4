/** The lines of a source around places in it, with the places underlined. */
import { positionAt, type Source, type Span } from '../support/source.ts';

export interface Mark {
  readonly span: Span;
  readonly text: string | undefined;
  readonly main: boolean;
}

export interface Paint {
  readonly margin: (text: string) => string;
  readonly main: (text: string) => string;
  readonly other: (text: string) => string;
}

const TAB = '    ';
const WINDOW = 110;
const LEAD = 40;

/** One block of lines for each source, that of the main mark first. Each line stands in it once, with its marks below. */
export function codeFrame(marks: readonly Mark[], paint: Paint): string {
  const sources = [
    ...new Set(
      marks
        .filter((m) => m.main)
        .concat(marks)
        .map((m) => m.span.source),
    ),
  ];
  const blocks = sources.map((source, index) => {
    const here = marks.filter((mark) => mark.span.source === source);
    const first = here[0];
    const place = index === 0 || first === undefined ? '' : `  ${placeOf(first.span)}\n`;
    return place + block(source, here, paint);
  });
  return blocks.join('\n');
}

export function placeOf(span: Span): string {
  const { line, column } = positionAt(span.source, span.start);
  return `${clean(span.source.path)}:${line}:${column}`;
}

function block(source: Source, marks: readonly Mark[], paint: Paint): string {
  const lines = [...new Set(marks.map((mark) => positionAt(source, mark.span.start).line))].sort((a, b) => a - b);
  const width = String(lines.at(-1) ?? 1).length;
  const rows: string[] = [];
  let previous: number | undefined;
  for (const line of lines) {
    if (previous !== undefined && line > previous + 1) rows.push(paint.margin(` ${' '.repeat(width)} ⋮`));
    previous = line;
    const here = marks.filter((mark) => positionAt(source, mark.span.start).line === line);
    rows.push(...lineRows(source, line, here, width, paint));
  }
  return rows.join('\n');
}

function lineRows(source: Source, line: number, marks: readonly Mark[], width: number, paint: Paint): string[] {
  const start = lineStart(source.text, marks[0]?.span.start ?? 0);
  const text = source.text.slice(start).split(/\r\n|\n|\r/, 1)[0] ?? '';
  const shift = Math.max(0, Math.min(...marks.map((mark) => mark.span.start - start)) - WINDOW + LEAD);
  const shown = text.slice(shift, shift + WINDOW);
  const before = shift > 0 ? '…' : '';
  const after = shift + WINDOW < text.length ? '…' : '';
  const rows = [`${paint.margin(` ${String(line).padStart(width)} │`)} ${before}${display(shown)}${after}`.trimEnd()];
  for (const mark of [...marks].sort((a, b) => a.span.start - b.span.start)) {
    const from = Math.min(mark.span.start - start - shift, shown.length);
    const to = Math.min(Math.max(mark.span.end - start - shift, from), shown.length);
    const indent = ' '.repeat(before.length + cells(shown.slice(0, from)));
    const length = Math.max(1, cells(shown.slice(from, to)));
    const line = (mark.main ? '^' : '-').repeat(length) + (mark.text === undefined ? '' : ` ${mark.text}`);
    rows.push(`${paint.margin(` ${' '.repeat(width)} │`)} ${indent}${(mark.main ? paint.main : paint.other)(line)}`);
  }
  return rows;
}

function lineStart(text: string, offset: number): number {
  let start = offset;
  while (start > 0 && text[start - 1] !== '\n' && text[start - 1] !== '\r') start -= 1;
  return start;
}

/** Text as a terminal may show it: tabs expanded, and nothing that moves its cursor. */
function display(text: string): string {
  return clean(text.replaceAll('\t', TAB));
}

export function clean(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\uFFFD').replaceAll(/\p{Cs}/gu, '\uFFFD');
}

const WIDE =
  /[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6]|\p{Emoji_Presentation}/u;

/** The columns that a text takes in a terminal. */
function cells(text: string): number {
  let count = 0;
  for (const point of display(text)) count += /\p{Mn}/u.test(point) ? 0 : WIDE.test(point) ? 2 : 1;
  return count;
}
