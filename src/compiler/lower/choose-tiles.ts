/** The choice among the tiles of a menu: what was measured to be best, else what is estimated to be. */
import type { TileTable, Tiling } from '../ir/tiling.ts';

/** One way to compute a part of a launch. */
export interface Candidate<T> {
  readonly tiled: T;
  /** Of the tile, from its entry in the menu. */
  readonly name: string;
  /** Invocations of a workgroup. */
  readonly lanes: number;
  /** An estimate, to be compared with those of other candidates for the part. */
  readonly cost: number;
}

/** A candidate for each part of a launch, all with workgroups of one size. */
type Choice<T> = readonly Candidate<T>[];

export interface ChosenTiles<T> {
  /** One for each part. */
  readonly tiles: readonly T[];
  readonly tiling: Tiling;
}

/** How many ways to compute a launch are offered to those who measure, and how many are compared at most. */
const OFFERED = 32;
const COMPARED = 256;

/**
 * Chooses for all parts of the launch `key`. Undefined where nothing fits.
 *
 * @param candidates For each part.
 * @param fit Whether tiles fit together.
 */
export function chooseFrom<T>(
  table: TileTable,
  key: string,
  candidates: readonly (readonly Candidate<T>[])[],
  fit: (tiles: readonly T[]) => boolean,
): ChosenTiles<T> | undefined {
  const doFit = (choice: Choice<T>): boolean => fit(tilesOf(choice));
  const sizes = [...new Set(candidates.flat().map(({ lanes }) => lanes))];
  const bySize = sizes.map((size) => candidates.map((own) => own.filter(({ lanes }) => lanes === size)));
  const width = Math.floor(COMPARED ** (1 / candidates.length));
  const estimated = bySize
    .flatMap((parts) => combinations(parts.map((own) => cheapest(own, ({ cost }) => cost).slice(0, width))))
    .filter(doFit);
  const ranked = cheapest(estimated, (choice) => choice.reduce((sum, { cost }) => sum + cost, 0));
  const wanted = table.get(key)?.split(BETWEEN);
  const measured = wanted && bySize.flatMap((parts) => named(parts, wanted) ?? []).find(doFit);
  const chosen = measured ?? ranked[0];
  if (!chosen) return undefined;
  const tile = nameOf(chosen);
  const offered = ranked.slice(0, OFFERED).map(nameOf);
  return { tiles: tilesOf(chosen), tiling: { key, tile, candidates: [...new Set([...offered, tile])] } };
}

/** Between the names of the parts' tiles. */
const BETWEEN = ' & ';

const nameOf = <T>(choice: Choice<T>): string => choice.map(({ name }) => name).join(BETWEEN);
const tilesOf = <T>(choice: Choice<T>): readonly T[] => choice.map(({ tiled }) => tiled);

/** In the order of their costs; of equal ones, the first stays first. */
function cheapest<T>(all: readonly T[], cost: (one: T) => number): readonly T[] {
  const costs = new Map(all.map((one) => [one, cost(one)]));
  return [...all].sort((a, b) => (costs.get(a) ?? 0) - (costs.get(b) ?? 0));
}

function combinations<T>(parts: readonly (readonly T[])[]): readonly (readonly T[])[] {
  return parts.reduce<readonly (readonly T[])[]>(
    (all, own) => all.flatMap((before) => own.map((one) => [...before, one])),
    [[]],
  );
}

/** The choice of these names; nothing where there is none. */
function named<T>(parts: readonly Choice<T>[], names: readonly string[]): readonly Choice<T>[] | undefined {
  if (names.length !== parts.length) return undefined;
  const found = parts.flatMap((own, i) => own.find(({ name }) => name === names[i]) ?? []);
  return found.length === parts.length ? [found] : undefined;
}
