import { statSync } from 'node:fs';
import { cliFailure } from '../compiler/diagnostics/cli.ts';
import { makeSource, type Source } from '../compiler/support/source.ts';
import { nodeFiles, readAll, reasonOf } from './files.ts';

/** More is no spec, and would only be slow to refuse. */
const LARGEST = 4 * 1024 * 1024;

/** Reads a spec. Fails with `spec-unreadable`. */
export function readSpec(path: string): Source {
  const fail = (reason: string): never => {
    throw cliFailure('spec-unreadable', { path, reason });
  };
  const stat = attempt(() => statSync(path), fail);
  if (!stat.isFile()) fail('it is not a file');
  if (stat.size > LARGEST) fail('it is larger than 4 MiB');
  const bytes = attempt(() => readAll(nodeFiles, path), fail);
  try {
    return makeSource(path, new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return fail('it is not text in UTF-8');
  }
}

/** Whether the argument names a folder, which must then be a compiled one. */
export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function attempt<T>(work: () => T, fail: (reason: string) => never): T {
  try {
    return work();
  } catch (error) {
    return fail(reasonOf(error));
  }
}
