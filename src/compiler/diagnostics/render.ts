/** Diagnostics as text for people and as JSON for machines. */
import pc from 'picocolors';
import { positionAt, type Span } from '../support/source.ts';
import type { Diagnostic } from './diagnostic.ts';
import { clean, codeFrame, placeOf } from './frame.ts';

export interface RenderOptions {
  readonly color: boolean;
}

/** More would scroll the first ones away. */
const SHOWN = 20;

/** Whether to colour what goes to `stream`: NO_COLOR and FORCE_COLOR decide, then whether a person reads it. */
export function wantsColor(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== '0';
  return stream.isTTY === true && env.TERM !== 'dumb';
}

/** One after the other with a blank line between, ending in a newline; empty for none. */
export function renderDiagnostics(diagnostics: readonly Diagnostic[], options: RenderOptions): string {
  if (diagnostics.length === 0) return '';
  const texts = diagnostics.slice(0, SHOWN).map((diagnostic) => renderDiagnostic(diagnostic, options));
  const more = diagnostics.length - SHOWN;
  if (more > 0) texts.push(`and ${more} more`);
  return `${texts.join('\n\n')}\n`;
}

/** What is wrong, where, with the lines in question, and what to do. Without a final newline. */
export function renderDiagnostic(diagnostic: Diagnostic, options: RenderOptions): string {
  const color = pc.createColors(options.color);
  const severity = diagnostic.severity === 'error' ? color.red : color.yellow;
  const place = diagnostic.span === undefined ? '' : `${placeOf(diagnostic.span)}: `;
  const head = `${place}${severity(diagnostic.severity)}: ${color.bold(prose(diagnostic.message))} ${color.dim(`[${diagnostic.code}]`)}`;
  const rows = [head];
  const labels = diagnostic.labels.map(({ span, text }) => ({ span, text: clean(text), main: false }));
  const marks =
    diagnostic.span === undefined ? labels : [{ span: diagnostic.span, text: undefined, main: true }, ...labels];
  if (marks.length > 0) {
    rows.push(codeFrame(marks, { margin: color.dim, main: severity, other: color.cyan }));
  }
  if (diagnostic.help !== undefined) rows.push(`  ${color.green('help')}: ${prose(diagnostic.help)}`);
  return rows.join('\n');
}

/** Keeps the line breaks of lists that a message holds, and nothing else that moves a cursor. */
function prose(text: string): string {
  return text.split('\n').map(clean).join('\n    ');
}

export interface PlaceJson {
  readonly path: string;
  readonly line: number;
  readonly column: number;
  /** Offset in the UTF-8 of the file, a byte order mark included. */
  readonly byte: number;
  readonly end: { readonly line: number; readonly column: number; readonly byte: number };
}

export interface DiagnosticJson {
  readonly code: string;
  readonly severity: Diagnostic['severity'];
  readonly message: string;
  readonly place?: PlaceJson;
  readonly labels: readonly { readonly text: string; readonly place: PlaceJson }[];
  readonly help?: string;
}

export interface DiagnosticsJson {
  readonly format_version: 1;
  readonly diagnostics: readonly DiagnosticJson[];
}

export function diagnosticsJson(diagnostics: readonly Diagnostic[]): DiagnosticsJson {
  return {
    format_version: 1,
    diagnostics: diagnostics.map(({ code, severity, message, span, labels, help }) => ({
      code,
      severity,
      message,
      ...(span ? { place: placeJson(span) } : {}),
      labels: labels.map((label) => ({ text: label.text, place: placeJson(label.span) })),
      ...(help ? { help } : {}),
    })),
  };
}

function placeJson(span: Span): PlaceJson {
  const at = (offset: number) => {
    const mark = span.source.byteOrderMark === true ? 3 : 0;
    return { ...positionAt(span.source, offset), byte: mark + Buffer.byteLength(span.source.text.slice(0, offset)) };
  };
  return { path: span.source.path, ...at(span.start), end: at(span.end) };
}
