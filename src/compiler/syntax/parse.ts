import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import { syntaxDiagnostic } from '../diagnostics/syntax.ts';
import type { Source, Span } from '../support/source.ts';
import type { File } from './ast.ts';
import { buildFile } from './build-ast.ts';
import { describeError } from './describe-error.ts';
import { layOut } from './layout.ts';
import { lex } from './lex.ts';
import { parseItems } from './recover.ts';

/** A specification is written by hand; what is larger is a file of another kind. */
export const SIZE_LIMIT = 1 << 20;

export interface Parsed {
  /** Holds the declarations without syntax errors. */
  readonly file: File;
  /** Syntax errors in the order of the source, at most one in a line. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads a specification as far as its syntax goes. Never throws on any text. */
export function parse(source: Source): Parsed {
  const empty: File = { kind: 'file', uses: [], items: [], span: { source, start: 0, end: source.text.length } };
  const bytes = Buffer.byteLength(source.text);
  if (bytes > SIZE_LIMIT) {
    const span = { source, start: 0, end: 0 };
    return { file: empty, diagnostics: [syntaxDiagnostic('source-too-large', { bytes, limit: SIZE_LIMIT }, { span })] };
  }
  const lexed = lex(source);
  const layout = layOut(source, lexed.tokens);
  if (layout.tooDeep) return { file: empty, diagnostics: layout.diagnostics };
  const { trees, errors } = parseItems(layout.tokens);
  const built = buildFile(source, trees, lexed.docs);
  const parserErrors = errors
    .map(({ error, previous }) => describeError(source, error, previous))
    .filter((diagnostic) => !layout.mended.some((range) => inside(diagnostic.span, range)));
  const diagnostics = onePerLine(source, [
    ...lexed.diagnostics,
    ...layout.diagnostics,
    ...parserErrors,
    ...built.diagnostics,
  ]);
  return { file: built.file, diagnostics };
}

function inside(span: Span | undefined, range: Span): boolean {
  return span !== undefined && range.start <= span.start && span.start <= range.end;
}

/** The first error of a line tends to cause the others; earlier ones of the list are surer. */
function onePerLine(source: Source, diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const ends = [...source.text.matchAll(/\r\n|\n|\r/g)].map((match) => match.index);
  const lines = new Map<number, Diagnostic>();
  for (const diagnostic of diagnostics) {
    const line = countBelow(ends, diagnostic.span?.start ?? 0);
    if (!lines.has(line)) lines.set(line, diagnostic);
  }
  return [...lines.values()].sort((a, b) => (a.span?.start ?? 0) - (b.span?.start ?? 0));
}

/** How many of the sorted numbers are below the limit. */
function countBelow(sorted: readonly number[], limit: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? limit) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
