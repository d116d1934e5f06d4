import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { cliFailure } from '../compiler/diagnostics/cli.ts';
import { isFolder } from './read-spec.ts';

/**
 * The files that paths name, each once and in their order: a folder stands for the `.tfm` files in it and in its folders,
 * sorted, hidden ones and node_modules apart. Links to folders are not followed. Fails with `no-specs`.
 */
export function specFiles(paths: readonly string[]): readonly string[] {
  const found = paths.flatMap((path) => {
    if (!isFolder(path)) return [path];
    const files = filesIn(path);
    if (files.length === 0) throw cliFailure('no-specs', { folder: path });
    return files;
  });
  return [...new Set(found)];
}

function filesIn(folder: string): readonly string[] {
  const entries = readdirSync(folder, { withFileTypes: true }).filter(({ name }) => !name.startsWith('.'));
  return entries
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : filesIn(path);
      return entry.name.endsWith('.tfm') ? [path] : [];
    });
}
