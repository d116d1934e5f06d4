/** The standard library as files of the language. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { invariant } from '../support/invariant.ts';
import { makeSource } from '../support/source.ts';
import type { File } from '../syntax/ast.ts';
import { parse } from '../syntax/parse.ts';

export interface Library {
  /** The file of a module, such as `std.norm`; `std` alone is the index. */
  readonly find: (path: readonly string[]) => File | undefined;
  /** The modules there are, for suggestions. */
  readonly modules: () => readonly string[];
}

const FOLDER = new URL('../../std/', import.meta.url);
const parsed = new Map<string, File>();

/** The library that comes with the compiler. Each of its files is parsed once in a process. */
export const STANDARD_LIBRARY: Library = {
  find: (path) => {
    const [root, name = 'std', ...more] = path;
    if (root !== 'std' || more.length > 0 || !/^[a-z_]+$/.test(name)) return undefined;
    return parsed.get(name) ?? load(name);
  },
  modules: () =>
    readdirSync(FOLDER)
      .filter((file) => file.endsWith('.tfm'))
      .map((file) => `std.${file.slice(0, -'.tfm'.length)}`),
};

/** Where a file of the library lies, by the path that its source has. */
export function libraryUrl(path: string): URL | undefined {
  const [, name] = /^std\/([a-z_]+)\.tfm$/.exec(path) ?? [];
  const url = name === undefined ? undefined : new URL(`${name}.tfm`, FOLDER);
  return url && existsSync(url) ? url : undefined;
}

function load(name: string): File | undefined {
  const url = new URL(`${name}.tfm`, FOLDER);
  if (!existsSync(url)) return undefined;
  const { file, diagnostics } = parse(makeSource(`std/${name}.tfm`, readFileSync(url, 'utf8')));
  invariant(diagnostics.length === 0, `std/${name}.tfm: ${diagnostics.map((d) => d.message).join('; ')}`);
  parsed.set(name, file);
  return file;
}
