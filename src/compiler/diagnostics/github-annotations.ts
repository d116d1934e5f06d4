import { positionAt } from '../support/source.ts';
import type { Diagnostic } from './diagnostic.ts';
import { clean } from './frame.ts';

/**
 * Diagnostics as workflow commands of GitHub Actions, a line each, which GitHub shows beside the lines of a change.
 * https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
 */
export function githubAnnotations(diagnostics: readonly Diagnostic[]): string {
  return diagnostics.map(annotation).join('\n');
}

function annotation({ code, severity, message, span, help }: Diagnostic): string {
  const start = span && positionAt(span.source, span.start);
  const end = span && positionAt(span.source, span.end);
  const place =
    span && start && end
      ? { file: span.source.path, line: start.line, endLine: end.line, col: start.column, endColumn: end.column }
      : {};
  const properties = Object.entries({ ...place, title: code }).map(([key, value]) => `${key}=${property(`${value}`)}`);
  const text = help === undefined ? message : `${message}\nhelp: ${help}`;
  return `::${severity} ${properties.join(',')}::${data(text)}`;
}

/** Each line is cleaned of what could end a command early or move a cursor. */
function data(text: string): string {
  return text
    .split('\n')
    .map((line) => clean(line).replaceAll('%', '%25'))
    .join('%0A');
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
