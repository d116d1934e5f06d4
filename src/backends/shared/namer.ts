/** What the IR gives names to. Each kind is a namespace of its own in the IR, and all share one in the text. */
export type NameKind = 'buffer' | 'shared' | 'function' | 'local' | 'place' | 'block' | 'field';

/** Names visible at a place of the text. A name that is declared gets a spelling that clashes with none that is visible. */
export interface Scope {
  /** Declares a name; its spelling, which is as near to `wish` (or the name) as can be. */
  readonly declare: (kind: NameKind, name: string, wish?: string) => string;
  /** The spelling of a visible name; undefined when it was not declared. */
  readonly find: (kind: NameKind, name: string) => string | undefined;
  readonly inner: () => Scope;
}

/** Makes a spelling of a name that is not taken. */
export type Speller = (name: string, taken: (spelling: string) => boolean) => string;

export function makeScope(reserved: ReadonlySet<string>, spell: Speller): Scope {
  return scopeWithin(undefined, (s) => reserved.has(s), spell);
}

function scopeWithin(outer: Scope | undefined, takenOutside: (spelling: string) => boolean, spell: Speller): Scope {
  const spellings = new Map<string, string>();
  const own = new Set<string>();
  const taken = (spelling: string): boolean => own.has(spelling) || takenOutside(spelling);
  const scope: Scope = {
    declare(kind, name, wish = name) {
      const spelling = spell(wish, taken);
      own.add(spelling);
      spellings.set(`${kind} ${name}`, spelling);
      return spelling;
    },
    find: (kind, name) => spellings.get(`${kind} ${name}`) ?? outer?.find(kind, name),
    inner: () => scopeWithin(scope, taken, spell),
  };
  return scope;
}

/** The name itself as far as the target allows: `layer.3.wq` is `layer_3_wq`, a second `x` is `x_2`. */
export const spellReadably: Speller = (name, taken) => {
  const base = identifier(name);
  for (let n = 1; ; n += 1) {
    const spelling = n === 1 ? base : `${base}_${n}`;
    if (!taken(spelling)) return spelling;
  }
};

/** Makes a speller that forgets names and counts: n0, n1, … */
export function countingSpeller(): Speller {
  let count = 0;
  return () => `n${count++}`;
}

const LONGEST = 64;

/** ASCII letters, digits and single underscores, beginning with a letter: an identifier in every target. */
export function identifier(name: string): string {
  const words = name
    .slice(0, LONGEST)
    .replace(/[^A-Za-z0-9]+/g, '_')
    .replace(/^_|_$/g, '');
  if (words === '') return 'value';
  return /^[0-9]/.test(words) ? `n${words}` : words;
}

// Line breaks in any target's sense, other controls, marks that reorder text, and halves of surrogate pairs.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu;

/** Text that is safe to the end of a line comment: no line break of any kind, and no backslash that would join lines. */
export function commentText(text: string): string {
  return text.replace(UNPRINTABLE, ' ').replace(/[\\\s]+$/, '');
}
