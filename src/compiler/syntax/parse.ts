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
  /** Holds what is left of the others too, without their broken statements: for editors. */
  readonly mended: File;
  /** Syntax errors in the order of the source, at most one in a line. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads a specification as far as its syntax goes. Never throws on any text. */
export function parse(source: Source): Parsed {
  const empty: File = { kind: 'file', uses: [], items: [], span: { source, start: 0, end: source.text.length } };
  const bytes = Buffer.byteLength(source.text);
  if (bytes > SIZE_LIMIT) {
    const span = { source, start: 0, end: 0 };
    const tooLarge = syntaxDiagnostic('source-too-large', { bytes, limit: SIZE_LIMIT }, { span });
    return { file: empty, mended: empty, diagnostics: [tooLarge] };
  }
  const lexed = lex(source);
  const layout = layOut(source, lexed.tokens);
  if (layout.tooDeep) return { file: empty, mended: empty, diagnostics: layout.diagnostics };
  const { trees, errors } = parseItems(layout.tokens);
  const whole = trees.filter((tree) => tree.whole);
  const build = (some: typeof trees) =>
    buildFile(
      source,
      some.map(({ tree }) => tree),
      lexed.docs,
    );
  const built = build(whole);
  const parserErrors = errors
    .map(({ error, previous }) => describeError(source, error, previous))
    .filter((diagnostic) => !layout.mended.some((range) => inside(diagnostic.span, range)));
  const diagnostics = onePerLine(source, [
    ...lexed.diagnostics,
    ...layout.diagnostics,
    ...parserErrors,
    ...built.diagnostics,
  ]);
  const mended = whole.length === trees.length ? built.file : build(trees).file;
  return { file: built.file, mended, diagnostics };
}

const read = new WeakMap<Source, Parsed>();

/** What `parse` gives, found once for a source: a compilation elaborates one file for several uses. */
export function parseOnce(source: Source): Parsed {
  const known = read.get(source);
  if (known) return known;
  const parsed = parse(source);
  read.set(source, parsed);
  return parsed;
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
