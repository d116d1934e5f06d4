import { cliFailure } from '../../compiler/diagnostics/cli.ts';
import { Failure } from '../../compiler/diagnostics/diagnostic.ts';
import { formatSource } from '../../compiler/format/format.ts';
import type { Source } from '../../compiler/support/source.ts';
import { type Files, reasonOf, systemCode } from '../../runtime/files.ts';
import { rewriteFile } from '../../runtime/rewrite-file.ts';

/** What formatting makes of one file, or why it makes nothing. */
export type Formatted =
  | { readonly kind: 'formatted'; readonly path: string; readonly before: string; readonly after: string }
  | { readonly kind: 'failed'; readonly path: string; readonly failure: Failure };

export function isChanged(result: Formatted): boolean {
  return result.kind === 'formatted' && result.before !== result.after;
}

/** Reads and formats a file. What is wrong with it is kept, so that other files go on. */
export function formatSpec(path: string, read: (path: string) => Source): Formatted {
  try {
    const source = read(path);
    const before = source.byteOrderMark ? `\ufeff${source.text}` : source.text;
    return { kind: 'formatted', path, before, after: formatSource(source) };
  } catch (error) {
    if (error instanceof Failure) return { kind: 'failed', path, failure: error };
    throw error;
  }
}

/** Writes the file if it has another text than its canonical one. */
export function writeFormatted(files: Files, result: Formatted): Formatted {
  if (result.kind === 'failed' || !isChanged(result)) return result;
  const { path, after } = result;
  try {
    rewriteFile(files, path, after);
    return result;
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return { kind: 'failed', path, failure: cliFailure('spec-unwritable', { path, reason: reasonOf(error) }) };
  }
}
