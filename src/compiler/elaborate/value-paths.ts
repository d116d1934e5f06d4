/** Values by path, as names of weights go: `layer.3.x` is x at the end of the third iteration. */
import { present } from '../support/invariant.ts';
import type { Span } from '../support/source.ts';
import type { Lanes } from './lanes-type.ts';
import { nameWeights, type WeightNames } from './names.ts';
import type { Place } from './place.ts';
import type { DeclaredWeight, Session } from './session.ts';
import type { Tensor } from './value.ts';

/** A value, and the path that is its name. Of iterations that were elaborated at once it is one for all of them. */
export interface PathValue {
  readonly segments: readonly string[];
  readonly lanes: Lanes | undefined;
  /** How many calls that add nothing to names lie between: the value of the outer body is meant. */
  readonly hidden: number;
  readonly tensor: Tensor | undefined;
  readonly weight: DeclaredWeight | undefined;
  readonly span: Span;
}

/** A value that a path names. */
export interface Match {
  readonly found: PathValue;
  /** What stands for its stars. */
  readonly stars: readonly string[];
  /** Its iteration, of those that were elaborated at once. */
  readonly lane: number | undefined;
  /** Whether that iteration is what a star stands for. */
  readonly free: boolean;
  /** Another value with this path, in a body that is as far out. */
  readonly also: PathValue | undefined;
}

/** Every named value and weight, in the order of the program. */
export function allPathValues(session: Session, root: Place): readonly PathValue[] {
  const names = nameWeights(session, root);
  const values = [...session.probing.named.values()].flatMap((byName) =>
    [...byName.values()].map(({ place, loops, name, value, span }): PathValue => {
      const { segments, hidden } = pathOfPlace(place, names);
      const lanes = loops.lanes ?? place.lanes;
      const path = [...segments, ...loops.segments, name];
      return { segments: path, lanes, hidden, tensor: value, weight: undefined, span };
    }),
  );
  const weights = [...session.weights.values()].map((weight): PathValue => {
    const segments = present(names.of.get(weight.slot), 'the name of a weight').split('.');
    return { segments, lanes: weight.lanes, hidden: 0, tensor: undefined, weight, span: weight.span };
  });
  return [...values, ...weights];
}

/** What names in a place begin with, and how many of the places around them have no name. */
function pathOfPlace(place: Place, names: WeightNames): { segments: readonly string[]; hidden: number } {
  if (!place.parent) return { segments: [], hidden: 0 };
  const around = pathOfPlace(place.parent, names);
  const hidden = around.hidden + (place.label === undefined ? 1 : 0);
  const known = names.prefixes.get(place);
  if (known !== undefined) return { segments: known === '' ? [] : known.split('.'), hidden };
  return { segments: [...around.segments, ...place.loops.segments, ...(place.label?.split('.') ?? [])], hidden };
}

/** The values that a path names, one for each path: of those with one path that of the outermost body. */
export function matchesOf(path: readonly string[], all: readonly PathValue[]): readonly Match[] {
  const byPath = new Map<string, Match>();
  for (const found of all) {
    if (found.segments.length !== path.length) continue;
    for (const { segments, ...match } of expanded(path, found)) {
      const key = segments.join('.');
      const known = byPath.get(key);
      const isOuter = !known || found.hidden < known.found.hidden;
      if (isOuter) byPath.set(key, match);
      else if (found.hidden === known.found.hidden && found.tensor) byPath.set(key, { ...known, also: found });
    }
  }
  return [...byPath.values()];
}

function expanded(path: readonly string[], found: PathValue): readonly (Match & { segments: readonly string[] })[] {
  const { segments, lanes } = found;
  const at = lanes ? segments.indexOf(lanes.segment) : -1;
  const labels: readonly (string | undefined)[] = lanes?.labels ?? [undefined];
  return labels.flatMap((label, lane) => {
    const whole = segments.map((segment, i) => (i === at && label !== undefined ? label : segment));
    if (!whole.every((segment, i) => path[i] === '*' || path[i] === segment)) return [];
    const stars = whole.filter((_, i) => path[i] === '*');
    return [{ found, segments: whole, stars, lane: lanes && lane, free: path[at] === '*', also: undefined }];
  });
}

/** Paths in words, iterations as a star: for suggestions. */
export function pathTexts(all: readonly PathValue[], isWanted: (value: PathValue) => boolean): readonly string[] {
  const texts = all.filter(isWanted).map(({ segments }) => segments.map((s) => (/^\d/.test(s) ? '*' : s)).join('.'));
  return [...new Set(texts)];
}

/** The name of what the first star of a path goes over. */
export function starName(path: readonly string[]): string {
  return path[path.indexOf('*') - 1] ?? 'value';
}
