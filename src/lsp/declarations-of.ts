/** Declarations at the top level of files, through the files that they are brought in from. */
import { STANDARD_LIBRARY } from '../compiler/elaborate/library.ts';
import { namesOf } from '../compiler/elaborate/pattern.ts';
import type { FunctionValue } from '../compiler/elaborate/value.ts';
import type { Span } from '../compiler/support/source.ts';
import type { BindingItem, File, FnItem, Use } from '../compiler/syntax/ast.ts';
import { parseOnce } from '../compiler/syntax/parse.ts';
import { samePlace } from './places.ts';

export interface Declaration {
  readonly item: FnItem | BindingItem;
  /** Its name. */
  readonly span: Span;
}

/** What `name` is at the top level of a file, wherever it is declared. */
export function declarationIn(
  file: File,
  name: string,
  through: ReadonlySet<File> = new Set(),
): Declaration | undefined {
  // Files that use each other are an error that is said elsewhere.
  if (through.has(file)) return undefined;
  for (const item of file.items) {
    if (item.kind === 'fn' && item.name.text === name) return { item, span: item.name.span };
    if (item.kind !== 'binding-item') continue;
    const found = namesOf(item.binding.pattern).find(({ text }) => text === name);
    if (found) return { item, span: found.span };
  }
  for (const use of file.uses) {
    const { module, names } = use;
    const last = module.kind === 'library' && names.length === 0 ? module.path.at(-1)?.text : undefined;
    if (last !== name && !names.some(({ text }) => text === name)) continue;
    const used = fileOf(use);
    return used && declarationIn(used, name, new Set([...through, file]));
  }
  return undefined;
}

/** The file that a `use` names. */
export function fileOf({ module, names, span }: Use): File | undefined {
  if (module.kind === 'library') {
    const path = module.path.map(({ text }) => text);
    return STANDARD_LIBRARY.find(names.length > 0 ? path : path.slice(0, -1));
  }
  const source = span.source.neighbour?.(module.path);
  return source === undefined || 'refused' in source ? undefined : parseOnce(source).mended;
}

const PRELUDE = ['std', 'prelude'];

/** What the prelude calls `name`. */
export function preludeDeclaration(name: string): Declaration | undefined {
  const file = STANDARD_LIBRARY.find(PRELUDE);
  return file && declarationIn(file, name);
}

/** The names that every file sees from the prelude. */
export function preludeNames(): readonly string[] {
  return exportedNames(STANDARD_LIBRARY.find(PRELUDE));
}

/** The public names of a file. */
export function exportedNames(file: File | undefined): readonly string[] {
  const own = (file?.items ?? []).flatMap((item) => {
    if (item.kind === 'train') return [];
    return item.kind === 'fn' ? [item.name.text] : namesOf(item.binding.pattern).map(({ text }) => text);
  });
  const index = own.length === 0 ? (file?.uses ?? []).flatMap((use) => use.names.map(({ text }) => text)) : [];
  return [...own, ...index].filter((name) => !name.startsWith('_'));
}

/** The declaration of a function of the program; lambdas have none. */
export function declarationOf(fn: FunctionValue): Declaration | undefined {
  if (fn.name === undefined) return undefined;
  const found = declarationIn(parseOnce(fn.span.source).mended, fn.name);
  return found && samePlace(found.span, fn.span) ? found : undefined;
}
