import { cliFailure, howToReport } from '../compiler/diagnostics/cli.ts';
import { EXIT, type ExitCode, Failure } from '../compiler/diagnostics/diagnostic.ts';
import { memoryDiagnostic } from '../compiler/diagnostics/memory.ts';
import { stepsOf } from '../compiler/support/step.ts';
import { guardFiles, systemCode } from '../runtime/files.ts';
import { packageFolder } from '../runtime/package-folder.ts';
import { messageOf, writeDefectReport } from './defect-report.ts';
import { diagnosticFormat, showDiagnostics } from './show-diagnostics.ts';
import type { Terminal } from './terminal.ts';

/** Tells the person what went wrong, and gives the exit code for it. A defect of ours is written to a file for a report. */
export function reportFailure(error: unknown, terminal: Terminal, argv: readonly string[]): ExitCode {
  const { diagnostics, exitCode } = failureOf(error, argv);
  showDiagnostics(diagnostics, diagnosticFormat(argv), terminal);
  return exitCode;
}

function failureOf(error: unknown, argv: readonly string[]): Failure {
  const failure = error instanceof Failure ? error : faultOfMachine(error);
  if (failure && failure.exitCode !== EXIT.internal) return failure;
  const report = writeDefectReport(error, argv);
  if (!failure) return cliFailure('internal-error', { message: messageOf(error), steps: stepsOf(error), report });
  const help = howToReport(report);
  return new Failure(
    failure.diagnostics.map((d) => ({ ...d, help: d.help ?? help })),
    failure.exitCode,
  );
}

/** Errors of the system that come from calling it wrongly. */
const CALLED_WRONGLY: readonly string[] = ['EBADF', 'EFAULT', 'EINVAL'];

/** What the operating system refuses is no defect of ours, also where nobody foresaw it. */
function faultOfMachine(error: unknown): Failure | undefined {
  if (error instanceof RangeError && error.message === 'Array buffer allocation failed')
    return new Failure([memoryDiagnostic('process-memory', {})], EXIT.memory);
  const code = systemCode(error);
  if (code === undefined || CALLED_WRONGLY.includes(code)) return undefined;
  if (!(error instanceof Error && 'syscall' in error)) return undefined;
  const path = 'path' in error ? String(error.path) : 'a file that is open';
  // A file of our own that is missing is a defect.
  if (path.startsWith(packageFolder())) return undefined;
  try {
    return guardFiles(path, () => {
      throw error;
    });
  } catch (found) {
    return found instanceof Failure ? found : undefined;
  }
}
