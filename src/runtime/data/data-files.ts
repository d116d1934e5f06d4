import { existsSync, realpathSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, sep } from 'node:path';
import { dataFailure } from '../../compiler/diagnostics/data.ts';
import { glob } from './glob.ts';

export interface DataFile {
  /** As it may be shown: relative to the spec, or `npm:PACKAGE/…`. */
  readonly name: string;
  readonly path: string;
}

const PACKAGE = /^npm:((?:@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*)\/(.+)$/i;

/**
 * The files that patterns of a spec name, in the order of the patterns and sorted within each. Patterns are relative to
 * `folder` (the spec's) and may not leave it; `npm:PACKAGE/GLOB` is relative to an installed package.
 * Fails with `data-missing`, `package-missing` or `path-escapes`.
 */
export function findDataFiles(patterns: readonly string[], folder: string): readonly DataFile[] {
  const found = new Map<string, DataFile>();
  for (const pattern of patterns) {
    const files = pattern.startsWith('npm:') ? inPackage(pattern, folder) : inFolder(pattern, folder, pattern, '');
    for (const file of files) found.set(file.path, file);
  }
  return [...found.values()];
}

/** One file that a spec names, such as a tokenizer. */
export function findDataFile(path: string, folder: string): DataFile {
  const [file] = findDataFiles([path], folder);
  if (!file) throw dataFailure('data-missing', { pattern: path, folder });
  return file;
}

function inFolder(pattern: string, folder: string, shown: string, prefix: string): readonly DataFile[] {
  const segments = pattern.split(/[/\\]/);
  if (isAbsolute(pattern) || segments.includes('..') || /^[a-z]:/i.test(pattern) || pattern.includes('\0')) {
    throw dataFailure('path-escapes', { path: shown, folder });
  }
  const files = glob(folder, pattern);
  if (files.length === 0) throw dataFailure('data-missing', { pattern: shown, folder });
  const root = realpathSync(folder);
  return files.map((name) => {
    const path = realpathSync(join(folder, name));
    const inside = relative(root, path);
    if (inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)) {
      throw dataFailure('path-escapes', { path: prefix + name, folder });
    }
    return { name: prefix + name.split(sep).join('/'), path };
  });
}

function inPackage(pattern: string, folder: string): readonly DataFile[] {
  const [, name, rest] = PACKAGE.exec(pattern) ?? [];
  if (!name || !rest) throw dataFailure('data-missing', { pattern, folder });
  const home = packageFolder(name, folder) ?? packageFolder(name, import.meta.dirname);
  if (!home) throw dataFailure('package-missing', { package: name });
  return inFolder(rest, home, pattern, `npm:${name}/`);
}

/** The nearest installed copy of a package, as Node looks for it from `folder`. */
function packageFolder(name: string, folder: string): string | undefined {
  const candidate = join(folder, 'node_modules', name);
  if (existsSync(join(candidate, 'package.json'))) return candidate;
  const parent = dirname(folder);
  return parent === folder ? undefined : packageFolder(name, parent);
}
