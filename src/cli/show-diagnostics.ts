import type { Diagnostic } from '../compiler/diagnostics/diagnostic.ts';
import { githubAnnotations } from '../compiler/diagnostics/github-annotations.ts';
import { diagnosticsJson, renderDiagnostics } from '../compiler/diagnostics/render.ts';
import type { Terminal } from './terminal.ts';

/** How a command is to print diagnostics. */
export type DiagnosticFormat = 'text' | 'json' | 'github-actions';

/** What the user asked for, from the words of the command line: needed also where they cannot be parsed. */
export function diagnosticFormat(argv: readonly string[]): DiagnosticFormat {
  if (argv.includes('--json')) return 'json';
  const isGithub = argv.some(
    (word, i) => word === '--format=github-actions' || (word === 'github-actions' && argv[i - 1] === '--format'),
  );
  return isGithub ? 'github-actions' : 'text';
}

/** JSON is a result and goes to stdout; the other formats are told. */
export function showDiagnostics(
  diagnostics: readonly Diagnostic[],
  format: DiagnosticFormat,
  terminal: Pick<Terminal, 'print' | 'tell' | 'color'>,
): void {
  if (format === 'json') terminal.print(JSON.stringify(diagnosticsJson(diagnostics)));
  else if (diagnostics.length === 0) return;
  else if (format === 'github-actions') terminal.tell(githubAnnotations(diagnostics));
  else terminal.tell(renderDiagnostics(diagnostics, { color: terminal.color }).trimEnd());
}
