import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { cliFailure } from '../compiler/diagnostics/cli.ts';
import { makeSource, type NoNeighbour, type Source } from '../compiler/support/source.ts';
import { nodeFiles, readAll, reasonOf } from './files.ts';

/** More is no spec, and would only be slow to refuse. */
const LARGEST = 4 * 1024 * 1024;

/** Reads a spec. The files that it uses are read when they are asked for. Fails with `spec-unreadable`. */
export function readSpec(path: string): Source {
  const read = readText(path);
  if ('reason' in read) throw cliFailure('spec-unreadable', { path, reason: read.reason });
  return specOf(path, read.text);
}

/** A spec that stands alone, from the bytes of its text. Fails with `spec-unreadable`. */
export function sourceOfBytes(path: string, bytes: Uint8Array): Source {
  const read = decoded(bytes);
  if ('reason' in read) throw cliFailure('spec-unreadable', { path, reason: read.reason });
  return makeSource(path, read.text);
}

/**
 * A spec whose text is given, as if it were the file at `path`. `textAt` may know the text of a file better than the disk
 * does: that of an editor, which is not saved yet.
 */
export function specOf(path: string, text: string, textAt?: (path: string) => string | undefined): Source {
  const root = rootOf(path);
  const opened = new Map<string, Source>();
  const neighbourOf =
    (from: string) =>
    (wanted: string): Source | NoNeighbour => {
      const target = join(dirname(from), wanted);
      const key = resolve(target);
      const known = opened.get(key);
      if (known) return known;
      const refuse = (refused: string): NoNeighbour => ({ refused, others: specsBeside(from, wanted) });
      if (isAbsolute(wanted)) return refuse('its path is absolute');
      if (!isWithin(root, target)) return refuse(`it is outside of ${relative('', root) || 'the folder'}`);
      const open = textAt?.(key);
      const read = open === undefined ? readText(target) : { text: open };
      if ('reason' in read) return refuse(read.reason);
      const source = makeSource(target, read.text, neighbourOf(target));
      opened.set(key, source);
      return source;
    };
  const source = makeSource(path, text, neighbourOf(path));
  opened.set(resolve(path), source);
  return source;
}

/** Whether the argument names a folder, which must then be a compiled one. */
export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** The folder that a spec may use files of: the nearest one with a package.json or a repository, else its own. */
function rootOf(path: string): string {
  const own = dirname(resolve(path));
  for (let folder = own; ; folder = dirname(folder)) {
    if (['package.json', '.git'].some((name) => existsSync(join(folder, name)))) return folder;
    if (folder === dirname(folder)) return own;
  }
}

/** Links count as what they lead to. */
function isWithin(root: string, path: string): boolean {
  const way = relative(realPath(root), realPath(resolve(path)));
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // What does not exist is where its folder is.
    return dirname(path) === path ? path : join(realPath(dirname(path)), relative(dirname(path), path));
  }
}

/** The specs in the folder of a file that was asked for, by paths like the one that was asked. */
function specsBeside(from: string, wanted: string): readonly string[] {
  try {
    const folder = dirname(wanted);
    const names = readdirSync(join(dirname(from), folder)).filter((name) => name.endsWith('.tfm'));
    const prefix = folder === '.' ? './' : `${folder.startsWith('.') ? '' : './'}${folder}/`;
    return names.sort().map((name) => `${prefix}${name}`);
  } catch {
    return [];
  }
}

type Text = { readonly text: string } | { readonly reason: string };

/** The text of a file, or why it has none. */
function readText(path: string): Text {
  try {
    const stat = statSync(path);
    if (!stat.isFile()) return { reason: 'it is not a file' };
    if (stat.size > LARGEST) return { reason: 'it is larger than 4 MiB' };
    return decoded(readAll(nodeFiles, path));
  } catch (error) {
    return { reason: reasonOf(error) };
  }
}

function decoded(bytes: Uint8Array): Text {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { reason: 'it is not text in UTF-8' };
  }
}
