import { type Diagnostic, EXIT, type ExitCode, Failure } from '../compiler/diagnostics/diagnostic.ts';
import { InternalError } from '../compiler/support/invariant.ts';
import { positionAt } from '../compiler/support/source.ts';
import { harmless, type Terminal } from './terminal.ts';

/** Tells the person what went wrong, and gives the exit code for it. Our own defects say so, and are no stack trace. */
export function reportFailure(error: unknown, terminal: Terminal, json: boolean): ExitCode {
  if (error instanceof Failure) {
    for (const d of error.diagnostics) {
      if (json) terminal.print(JSON.stringify({ format_version: 1, ...plain(d) }));
      else terminal.tell(harmless(`${d.severity}[${d.code}]: ${d.message}${d.help ? `\n  help: ${d.help}` : ''}`));
    }
    return error.exitCode;
  }
  const what =
    error instanceof InternalError
      ? error.message
      : error instanceof Error
        ? `${error.name}: ${error.message}`
        : String(error);
  terminal.tell(harmless(`tfm has a defect: ${what}`));
  terminal.tell('Please report it with the spec and the command. TFM_DEBUG=1 prints where it happened.');
  if (process.env.TFM_DEBUG && error instanceof Error) terminal.tell(error.stack ?? '');
  return EXIT.internal;
}

function plain(d: Diagnostic): object {
  const { span, ...rest } = d;
  return span ? { ...rest, path: span.source.path, ...positionAt(span.source, span.start) } : rest;
}
