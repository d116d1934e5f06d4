/** The final names of weights, from the places that they belong to. */
import { languageError } from '../diagnostics/language.ts';
import type { Lanes } from './lanes-type.ts';
import type { Place, WeightSlot } from './place.ts';
import { report, type Session } from './session.ts';

export interface WeightNames {
  /** Of a weight that iterations have one each of, with all of them in one part: `layer.3-12.attn.wq`. */
  readonly of: ReadonlyMap<WeightSlot, string>;
  /** What the names of all weights in a place begin with; empty for the root. */
  readonly prefixes: ReadonlyMap<Place, string>;
}

interface Entry {
  readonly path: string;
  readonly item: Place | WeightSlot;
}

const join = (...parts: readonly string[]): string => parts.filter((part) => part !== '').join('.');

/**
 * Names come from labels of places and from loops. Where two places of one body would have the same name, all get numbers
 * in the order of the text; the same name from different bodies is an error.
 */
export function nameWeights(session: Session, root: Place): WeightNames {
  const of = new Map<WeightSlot, string>();
  const prefixes = new Map<Place, string>();
  const alive = placesWithWeights(session);
  const visit = (place: Place, prefix: string): void => {
    prefixes.set(place, prefix);
    const entries = entriesOf(place, '', prefix, prefixes).filter(({ item }) =>
      isPlace(item) ? alive.has(item) : session.weights.has(item),
    );
    for (const { path, item } of numbered(entries)) {
      const name = join(prefix, path);
      const below = isPlace(item) ? item : session.viaPlaces.get(item);
      if (!isPlace(item)) of.set(item, name);
      if (below) visit(below, name);
    }
  };
  visit(root, '');
  reportClashes(session, of);
  return { of, prefixes };
}

/** Places may be left over from iterations that could not be elaborated at once. */
function placesWithWeights(session: Session): ReadonlySet<Place> {
  const alive = new Set<Place>();
  for (const { place } of session.weights.keys()) {
    for (let at: Place | undefined = place; at && !alive.has(at); at = at.parent) alive.add(at);
  }
  return alive;
}

/** What lies in a place, through the places in it that add nothing to names. */
function entriesOf(place: Place, path: string, prefix: string, prefixes: Map<Place, string>): readonly Entry[] {
  const slots = [...place.weights.values()].flatMap((byLoop) => [...byLoop.values()]);
  const items: (Place | WeightSlot)[] = [...place.children, ...slots];
  items.sort((a, b) => a.span.start - b.span.start);
  return items.flatMap((item): readonly Entry[] => {
    const around = join(path, ...item.loops.segments);
    if (!isPlace(item)) return [{ path: join(around, item.name), item }];
    if (item.label !== undefined) return [{ path: join(around, item.label), item }];
    prefixes.set(item, join(prefix, around));
    return entriesOf(item, around, prefix, prefixes);
  });
}

function isPlace(item: Place | WeightSlot): item is Place {
  return 'children' in item;
}

function numbered(entries: readonly Entry[]): readonly Entry[] {
  const counts = new Map<string, number>();
  for (const { path } of entries) counts.set(path, (counts.get(path) ?? 0) + 1);
  const seen = new Map<string, number>();
  return entries.map((entry) => {
    if (counts.get(entry.path) === 1) return entry;
    const number = (seen.get(entry.path) ?? 0) + 1;
    seen.set(entry.path, number);
    return { ...entry, path: `${entry.path}_${number}` };
  });
}

/** The names of all members of a weight. */
export function memberNames(name: string, lanes: Lanes | undefined): readonly string[] {
  if (!lanes) return [name];
  const parts = name.split('.');
  return lanes.labels.map((label) => parts.map((part) => (part === lanes.segment ? label : part)).join('.'));
}

function reportClashes(session: Session, names: ReadonlyMap<WeightSlot, string>): void {
  const first = new Map<string, WeightSlot>();
  for (const [slot, name] of names) {
    const other = first.get(name);
    if (!other) first.set(name, slot);
    else {
      const labels = [{ span: useOf(other), text: 'one is made here' }];
      report(session, languageError('weight-name-clash', { name }, { span: useOf(slot), labels }));
    }
  }
}

/** The call that made the innermost named place of a weight. */
function useOf(slot: WeightSlot) {
  return slot.place.parent ? slot.place.span : slot.span;
}
