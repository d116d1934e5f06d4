import * as assert from 'uvu/assert';
import { type ExitCode, Failure } from '../../src/compiler/diagnostics/diagnostic.ts';

/** Runs `work`, which must fail with the diagnostic `code`; returns its message. */
export function failsWith(code: string, exitCode: ExitCode, work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return checkFailure(error, code, exitCode);
  }
  return nothingFailed(code);
}

export async function rejectsWith(code: string, exitCode: ExitCode, work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return checkFailure(error, code, exitCode);
  }
  return nothingFailed(code);
}

/** Where the exit code follows from the diagnostic. */
export async function rejectsWithCode(code: string, act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    assert.is(error.diagnostics[0]?.code, code);
    return;
  }
  nothingFailed(code);
}

function nothingFailed(code: string): never {
  throw new Error(`nothing failed; ${code} was expected`);
}

function checkFailure(error: unknown, code: string, exitCode: ExitCode): string {
  if (!(error instanceof Failure)) throw error;
  assert.is(error.diagnostics[0]?.code, code);
  assert.is(error.exitCode, exitCode);
  return error.diagnostics[0]?.message ?? '';
}
