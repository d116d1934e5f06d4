import { EXIT, type ExitCode, Failure } from '../compiler/diagnostics/diagnostic.ts';
import { diagnosticsJson, renderDiagnostics } from '../compiler/diagnostics/render.ts';
import { InternalError } from '../compiler/support/invariant.ts';
import { harmless, type Terminal } from './terminal.ts';

/** Tells the person what went wrong, and gives the exit code for it. Our own defects say so, and are no stack trace. */
export function reportFailure(error: unknown, terminal: Terminal, json: boolean): ExitCode {
  if (error instanceof Failure) {
    if (json) terminal.print(JSON.stringify(diagnosticsJson(error.diagnostics)));
    else terminal.tell(renderDiagnostics(error.diagnostics, { color: terminal.color }).trimEnd());
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
