import { dirname, join } from 'node:path';
import { cliFailure } from '../../compiler/diagnostics/cli.ts';
import { type Files, reasonOf, systemCode, writeDurably } from '../../runtime/files.ts';

/** Makes a folder with files, whole or not at all. Fails with `folder-exists` or `folder-unwritable`. */
export function writeProject(files: Files, folder: string, content: ReadonlyMap<string, string>): void {
  if (files.exists(folder)) throw cliFailure('folder-exists', { folder });
  const temporary = `${folder.replace(/[\\/]+$/, '')}.tmp-${process.pid}`;
  try {
    for (const [path, text] of content) {
      const target = join(temporary, path);
      files.makeFolder(dirname(target));
      writeDurably(files, target, [new TextEncoder().encode(text)]);
    }
    files.rename(temporary, folder);
  } catch (error) {
    if (files.exists(temporary)) files.remove(temporary);
    if (systemCode(error) === undefined) throw error;
    throw cliFailure('folder-unwritable', { folder, reason: reasonOf(error) });
  }
}
