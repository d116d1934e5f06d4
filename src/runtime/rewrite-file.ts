import { type Files, writeDurably } from './files.ts';

/**
 * Puts a text in the place of that of a file, which a reader sees as it was or as it is now, never in part. The file keeps
 * its permissions, and a link still leads to it.
 */
export function rewriteFile(files: Files, path: string, text: string): void {
  const target = files.realPath(path);
  const temporary = `${target}.tmp-${process.pid}`;
  try {
    writeDurably(files, temporary, [new TextEncoder().encode(text)]);
    files.copyMode(target, temporary);
    files.rename(temporary, target);
  } catch (error) {
    files.remove(temporary);
    throw error;
  }
}
