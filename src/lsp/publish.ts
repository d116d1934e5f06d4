/** Diagnostics of the compiler as those of the protocol. */
import { DiagnosticSeverity, DiagnosticTag, type Diagnostic as LspDiagnostic } from 'vscode-languageserver';
import type { Diagnostic, Label } from '../compiler/diagnostics/diagnostic.ts';
import type { Span } from '../compiler/support/source.ts';
import type { Analysis } from './analysis.ts';
import { locationOf, rangeOf } from './places.ts';

/** With the place in the document where each is shown. */
export function publishedOf({ source, inspection }: Analysis): readonly (readonly [Diagnostic, LspDiagnostic])[] {
  return inspection.diagnostics.map((diagnostic) => [diagnostic, published(diagnostic, source)] as const);
}

function published(diagnostic: Diagnostic, source: Analysis['source']): LspDiagnostic {
  const { code, severity, message, help, span, labels } = diagnostic;
  const places: readonly Label[] = span ? [{ span, text: message }, ...labels] : labels;
  // What is wrong in another file is shown where this one leads there, or at its beginning.
  const here = places.find((place) => place.span.source === source) ?? { span: { source, start: 0, end: 0 } };
  const related = places
    .filter((place) => place !== here && place.span !== span)
    .concat(elsewhere(diagnostic, here.span));
  return {
    range: rangeOf(here.span),
    severity: severity === 'error' ? DiagnosticSeverity.Error : DiagnosticSeverity.Warning,
    code,
    source: 'tfm',
    message: help === undefined ? message : `${message}\nhelp: ${help}`,
    relatedInformation: related.flatMap((label) => {
      const location = locationOf(label.span);
      return location ? [{ location, message: label.text }] : [];
    }),
    ...(code.startsWith('unused-') ? { tags: [DiagnosticTag.Unnecessary] } : {}),
  };
}

/** The place itself, when another stands for it. */
function elsewhere({ span, message }: Diagnostic, shown: Span): readonly Label[] {
  return span && span !== shown ? [{ span, text: message }] : [];
}
