import { type CodeAction, CodeActionKind, type Range, type TextEdit } from 'vscode-languageserver';
import type { Diagnostic, Edit, Fix } from '../../compiler/diagnostics/diagnostic.ts';
import { ALL_LINTS } from '../../compiler/lints/lints.ts';
import type { Analysis } from '../analysis.ts';
import type { Capability } from '../capability.ts';
import { isLibrary, rangeOf, uriOf } from '../places.ts';
import { publishedOf } from '../publish.ts';

/** What diagnostics say can be done about them, and allowances of what lints find. */
export const codeActions: Capability = {
  announces: { codeActionProvider: { codeActionKinds: [CodeActionKind.QuickFix] } },
  register: (connection, { workspace, answer }) => {
    connection.onCodeAction(({ textDocument, range }) =>
      answer(() => {
        const analysis = workspace.analysis(textDocument.uri);
        if (!analysis) return [];
        return publishedOf(analysis)
          .filter(([, published]) => touches(published.range, range))
          .flatMap(([diagnostic, published]) =>
            fixesOf(diagnostic, analysis).map(
              (fix, i): CodeAction => ({
                title: fix.title,
                kind: CodeActionKind.QuickFix,
                diagnostics: [published],
                isPreferred: i === 0 && (diagnostic.fixes ?? []).length > 0,
                edit: { changes: changesOf(fix.edits) },
              }),
            ),
          );
      }, []),
    );
  },
};

function touches(a: Range, b: Range): boolean {
  const before = (p: Range['start'], q: Range['start']): boolean =>
    p.line < q.line || (p.line === q.line && p.character <= q.character);
  return before(a.start, b.end) && before(b.start, a.end);
}

function fixesOf(diagnostic: Diagnostic, analysis: Analysis): readonly Fix[] {
  return [...(diagnostic.fixes ?? []), ...allowance(diagnostic, analysis)];
}

/** Silences a lint with a comment on the line above, or in the one that is there. */
function allowance({ code, span }: Diagnostic, { source }: Analysis): readonly Fix[] {
  if (span?.source !== source || !ALL_LINTS.some(({ name }) => name === code)) return [];
  const { text } = source;
  const line = text.lastIndexOf('\n', span.start - 1) + 1;
  const [above = ''] = /[^\n]*\n?$/.exec(text.slice(0, Math.max(0, line - 1))) ?? [];
  const edit = (at: number, added: string): Edit => ({ span: { source, start: at, end: at }, text: added });
  const allowed = /^\s*\/\/\s*allow:/.test(above);
  const [indent = ''] = /^[ \t]*/.exec(text.slice(line)) ?? [];
  const end = text.slice(0, line).trimEnd().length;
  const edits = [allowed ? edit(end, `, ${code}`) : edit(line, `${indent}// allow: ${code}\n`)];
  return [{ title: `Allow \`${code}\` here`, edits }];
}

function changesOf(edits: readonly Edit[]): Record<string, TextEdit[]> {
  const changes: Record<string, TextEdit[]> = {};
  for (const { span, text } of edits) {
    const uri = uriOf(span.source);
    if (uri === undefined || isLibrary(span.source)) continue;
    changes[uri] = [...(changes[uri] ?? []), { range: rangeOf(span), newText: text }];
  }
  return changes;
}
