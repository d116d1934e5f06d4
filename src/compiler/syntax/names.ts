/**
 * What each name of a file is bound by, as far as its text tells: for editors. Elaboration has its own environments, which
 * also know values; fields, keys and named arguments need those and are not here.
 */
import { type Span, spanHolds } from '../support/source.ts';
import type { Body, File } from './ast.ts';
import { bindFile } from './bind-names.ts';

export type DeclaredKind =
  | 'import'
  | 'function'
  | 'model'
  | 'value'
  | 'parameter'
  | 'axis'
  | 'weight'
  | 'variable'
  | 'local';

/** A name and all places of it. To bind a name again, as loops do, does not make another one. */
export interface Declared {
  readonly name: string;
  readonly kind: DeclaredKind;
  /** Where it is bound, in the order of the text. */
  readonly bindings: readonly Span[];
  readonly uses: readonly Span[];
  /** Where it can be seen. */
  readonly region: Span;
  /** The body of the function or lambda whose name it is; undefined at the top level. */
  readonly body: Body | undefined;
}

export interface FreeName {
  readonly name: string;
  readonly span: Span;
}

export interface Names {
  readonly declared: readonly Declared[];
  /** Names that nothing in the file binds: of the language, of the prelude, or mistakes. */
  readonly free: readonly FreeName[];
}

const known = new WeakMap<File, Names>();

export function namesIn(file: File): Names {
  const before = known.get(file);
  if (before) return before;
  const names = bindFile(file);
  known.set(file, names);
  return names;
}

/** The name at an offset, with the place of it that is there. */
export function nameAt(
  { declared }: Names,
  offset: number,
): { readonly declared: Declared; readonly span: Span } | undefined {
  for (const one of declared) {
    const span = placesOf(one).find((place) => spanHolds(place, offset));
    if (span) return { declared: one, span };
  }
  return undefined;
}

/** Every place of a name. */
export function placesOf({ bindings, uses }: Declared): readonly Span[] {
  return [...bindings, ...uses];
}

/** The names that can be seen from an offset, the innermost of those that are spelled alike. */
export function visibleAt({ declared }: Names, offset: number): readonly Declared[] {
  const seen = new Map<string, Declared>();
  const inner = (a: Declared, b: Declared): Declared =>
    a.region.end - a.region.start <= b.region.end - b.region.start ? a : b;
  for (const one of declared) {
    if (!spanHolds(one.region, offset)) continue;
    const other = seen.get(one.name);
    seen.set(one.name, other ? inner(one, other) : one);
  }
  return [...seen.values()];
}

/** The binding that a use at `offset` reads: the last one before it, or the first one where a loop comes back. */
export function bindingBefore({ bindings }: Declared, offset: number): Span | undefined {
  return bindings.findLast((span) => span.end <= offset) ?? bindings[0];
}
