import { EXIT, type ExitCode, Failure } from '../compiler/diagnostics/diagnostic.ts';
import { InternalError } from '../compiler/support/invariant.ts';
import { type DiagnosticFormat, showDiagnostics } from './show-diagnostics.ts';
import { harmless, type Terminal } from './terminal.ts';

/** Tells the person what went wrong, and gives the exit code for it. Our own defects say so, and are no stack trace. */
export function reportFailure(error: unknown, terminal: Terminal, format: DiagnosticFormat): ExitCode {
  if (error instanceof Failure) {
    showDiagnostics(error.diagnostics, format, terminal);
    return error.exitCode;
  }
  terminal.tell(harmless(`tfm has a defect: ${describe(error)}`));
  terminal.tell('Please report it with the spec and the command. TFM_DEBUG=1 prints where it happened.');
  if (process.env.TFM_DEBUG && error instanceof Error) terminal.tell(error.stack ?? '');
  return EXIT.internal;
}

function describe(error: unknown): string {
  if (error instanceof InternalError) return error.message;
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
