/** Copies of a spec, for people who look at a run later: `model.tfm`, and the files that it uses below `spec`. */
import { dirname, join, relative, resolve } from 'node:path';
import type { Source } from '../compiler/support/source.ts';
import { type Files, replaceFile } from './files.ts';

/** Texts by their paths in the folder that is to hold them. */
export type SpecCopy = Readonly<Record<string, string>>;

/** `files`: the spec first, then those that it uses. These stand to each other as they did, so that the copy compiles. */
export function specCopy(files: readonly Source[]): SpecCopy {
  const [main, ...others] = files;
  if (!main) return {};
  if (others.length === 0) return { 'model.tfm': main.text };
  const paths = files.map(({ path }) => resolve(path));
  const root = commonFolder(paths.map((path) => dirname(path)));
  const below = files.map(({ text }, i) => [join('spec', relative(root, paths[i] ?? root)), text] as const);
  return { 'model.tfm': main.text, ...Object.fromEntries(below) };
}

export function writeSpecCopy(files: Files, folder: string, copy: SpecCopy): void {
  for (const [path, text] of Object.entries(copy)) {
    files.makeFolder(dirname(join(folder, path)));
    replaceFile(files, join(folder, path), text);
  }
}

function commonFolder(folders: readonly string[]): string {
  let common = folders[0] ?? '.';
  const holds = (folder: string): boolean => !relative(common, folder).startsWith('..');
  while (!folders.every(holds)) common = dirname(common);
  return common;
}
