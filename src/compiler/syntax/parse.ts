import { parseTokens } from '../../../grammar/parser.ts';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import { syntaxError } from '../diagnostics/syntax.ts';
import { positionAt, type Source, type Span } from '../support/source.ts';
import type { File } from './ast.ts';
import { buildFile } from './build-ast.ts';
import { describeError } from './describe-error.ts';
import { layOut } from './layout.ts';
import { lex } from './lex.ts';

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
    return { file: empty, diagnostics: [syntaxError('source-too-large', { bytes, limit: SIZE_LIMIT }, { span })] };
  }
  const lexed = lex(source);
  const layout = layOut(source, lexed.tokens);
  if (layout.tooDeep) return { file: empty, diagnostics: layout.diagnostics };
  const { tree, errors } = parseTokens(layout.tokens);
  const built = buildFile(source, tree, lexed.docs);
  const parserErrors = errors
    .map((error) => describeError(source, error))
    .filter((diagnostic) => !layout.mended.some((range) => inside(diagnostic.span, range)));
  const diagnostics = onePerLine([...lexed.diagnostics, ...layout.diagnostics, ...parserErrors, ...built.diagnostics]);
  return { file: built.file, diagnostics };
}

function inside(span: Span | undefined, range: Span): boolean {
  return span !== undefined && range.start <= span.start && span.start <= range.end;
}

/** The first error of a line tends to cause the others; earlier ones of the list are surer. */
function onePerLine(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const lines = new Map<number, Diagnostic>();
  for (const diagnostic of diagnostics) {
    const { span } = diagnostic;
    const line = span === undefined ? 0 : positionAt(span.source, span.start).line;
    if (!lines.has(line)) lines.set(line, diagnostic);
  }
  return [...lines.values()].sort((a, b) => (a.span?.start ?? 0) - (b.span?.start ?? 0));
}
