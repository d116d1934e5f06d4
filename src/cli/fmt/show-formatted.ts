import { diagnosticsJson } from '../../compiler/diagnostics/render.ts';
import { showDiagnostics } from '../show-diagnostics.ts';
import type { Terminal } from '../terminal.ts';
import { type Formatted, isChanged } from './format-spec.ts';

/** What a person or a program wants to see of it. */
export interface Wish {
  readonly json: boolean;
  /** The changes themselves, line by line. */
  readonly diff: boolean;
  /** The names of files that change. */
  readonly names: boolean;
  /** The texts, which no file holds. */
  readonly texts: boolean;
}

/** Prints what was formatted: results on stdout, the sum of it and what is wrong on stderr. */
export async function showFormatted(results: readonly Formatted[], wish: Wish, terminal: Terminal): Promise<void> {
  const diagnostics = results.flatMap((one) => (one.kind === 'failed' ? one.failure.diagnostics : []));
  const patches = wish.diff ? await patchesOf(results) : new Map<string, string>();
  if (wish.json) {
    const files = results.map((one) => ({
      path: one.path,
      status: one.kind === 'failed' ? 'failed' : isChanged(one) ? 'changed' : 'unchanged',
      ...(patches.has(one.path) ? { diff: patches.get(one.path) } : {}),
      ...(wish.texts && one.kind === 'formatted' ? { text: one.after } : {}),
    }));
    terminal.print(JSON.stringify({ ...diagnosticsJson(diagnostics), files }));
    return;
  }
  showDiagnostics(diagnostics, 'text', terminal);
  for (const one of results) {
    if (wish.diff) terminal.write(patches.get(one.path) ?? '');
    else if (wish.texts) terminal.write(one.kind === 'formatted' ? one.after : '');
    else if (wish.names && isChanged(one)) terminal.print(one.path);
  }
}

async function patchesOf(results: readonly Formatted[]): Promise<ReadonlyMap<string, string>> {
  // Only who asks for differences waits for what finds them.
  const { createTwoFilesPatch, FILE_HEADERS_ONLY } = await import('diff');
  return new Map(
    results.flatMap((one) =>
      one.kind === 'formatted' && isChanged(one)
        ? [
            [
              one.path,
              createTwoFilesPatch(one.path, one.path, one.before, one.after, undefined, undefined, {
                headerOptions: FILE_HEADERS_ONLY,
              }),
            ],
          ]
        : [],
    ),
  );
}
