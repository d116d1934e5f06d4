import type { Op, OpOf, Value, ValueId } from '../ir/graph.ts';
import type { TargetLimits } from '../ir/kernel.ts';
import type { FusedGraph, Region, RegionStep } from '../ir/region.ts';
import { invariant, present } from '../support/invariant.ts';
import { bytesOf } from './sizes.ts';
import { type Copy, isCompact, type Location, type Place, type Rows, type Storage } from './storage.ts';

export interface FixedPlace extends Place {
  /** For a stacked value: how its slices lie. */
  readonly rows?: Rows | undefined;
}

/** Where values of the world outside lie. */
export interface FixedPlaces {
  /** Of an `input` op, by name. */
  readonly input: (name: string) => FixedPlace;
  readonly weight: (weight: OpOf<'weight'>) => FixedPlace;
  /** Of an output, by name. */
  readonly output: (name: string) => FixedPlace;
}

/** Where copies go: before or after a loop, or at the end of its body. */
export type CopyPlace = 'before' | 'after' | 'inside';

/** The values of a program while they are being placed. */
export interface Placement {
  readonly fused: FusedGraph;
  readonly limits: TargetLimits;
  readonly storages: readonly Storage[];
  readonly locations: ReadonlyMap<ValueId, Location>;
  /** The stored value in whose memory a value lies. */
  readonly resolve: (id: ValueId) => ValueId;
  readonly sizeOf: (id: ValueId) => number;
  /** The op of the outer block that makes a value. */
  readonly definition: (id: ValueId) => Op | undefined;
  /** Whether a kernel outside loops makes it. */
  readonly madeOutside: (id: ValueId) => boolean;
  /** Where an output wants to lie. */
  readonly wanted: (id: ValueId) => FixedPlace | undefined;
  readonly newStorage: (bytes: number, place?: Place, localTo?: OpOf<'loop'>) => Storage;
  readonly put: (id: ValueId, location: Location) => void;
  /** The location of a value; a value that a kernel makes gets one now if it has none. */
  readonly locate: (id: ValueId, loop?: OpOf<'loop'>) => Location;
  readonly addCopy: (place: CopyPlace, loop: Op, copy: Copy) => void;
  readonly copies: (place: CopyPlace, loop: Op) => readonly Copy[];
}

export function makePlacement(fused: FusedGraph, fixed: FixedPlaces, limits: TargetLimits): Placement {
  const storages: Storage[] = [];
  const locations = new Map<ValueId, Location>();
  const copies = new Map<string, Copy[]>();
  const { ops } = fused.graph.block;
  const values = valuesOf(ops);
  const definitions = new Map(ops.flatMap((op) => op.results.map((r) => [r.id, op] as const)));
  const keyOf = (place: CopyPlace, loop: Op): string => `${place} ${ops.indexOf(loop)}`;

  const resolve = (id: ValueId): ValueId => {
    const alias = fused.aliases.get(id);
    return alias === undefined ? id : resolve(alias);
  };
  const outside = new Set(fused.steps.flatMap((s) => (s.kind === 'region' ? s.region.roots : [])).map(resolve));

  // Outputs that can be written in place: the first output of each value. The rest is copied at the end, and what is to lie
  // where an input lies, which may be read until then.
  const wanted = new Map<ValueId, FixedPlace>();
  const inputs = new Set(fused.graph.inputs.map(({ name }) => name));
  for (const output of fused.graph.outputs) {
    const id = resolve(output.value);
    if (!wanted.has(id) && !inputs.has(output.name)) wanted.set(id, fixed.output(output.name));
  }

  const sizeOf = (id: ValueId): number => bytesOf(present(values.get(id), `value ${id}`).type, limits);
  const newStorage = (bytes: number, place?: Place, localTo?: OpOf<'loop'>): Storage => {
    const storage = { id: storages.length, fixed: place, bytes, localTo };
    storages.push(storage);
    return storage;
  };
  const put = (id: ValueId, location: Location): void => {
    invariant(!locations.has(id), `value ${id} is placed twice`);
    locations.set(id, location);
  };

  return {
    fused,
    limits,
    storages,
    locations,
    resolve,
    sizeOf,
    definition: (id) => definitions.get(id),
    madeOutside: (id) => outside.has(id),
    wanted: (id) => wanted.get(id),
    newStorage,
    put,
    locate: (id, loop) => {
      const known = locations.get(id);
      if (known) return known;
      const place = wanted.get(id);
      const bytes = sizeOf(id);
      const location = {
        storage: newStorage(bytes, place && isCompact(place.rows) ? place : undefined, loop),
        offset: 0,
        bytes,
      };
      put(id, location);
      return location;
    },
    addCopy: (place, loop, copy) => {
      const key = keyOf(place, loop);
      copies.set(key, [...(copies.get(key) ?? []), copy]);
    },
    copies: (place, loop) => copies.get(keyOf(place, loop)) ?? [],
  };
}

/** Regions of a loop's body. */
export function regionsOf(steps: readonly RegionStep[]): readonly Region[] {
  return steps.map((s) => {
    invariant(s.kind === 'region', 'loops do not nest in a plan');
    return s.region;
  });
}

function valuesOf(ops: readonly Op[]): ReadonlyMap<ValueId, Value> {
  const values = new Map<ValueId, Value>();
  const visit = (list: readonly Op[]): void => {
    for (const op of list) {
      for (const r of op.results) values.set(r.id, r);
      if (op.kind !== 'loop') continue;
      for (const p of op.attrs.body.params) values.set(p.id, p);
      visit(op.attrs.body.ops);
    }
  };
  visit(ops);
  return values;
}
