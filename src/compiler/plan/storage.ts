/**
 * Storages: where the values of one program lie, before the arena is packed.
 *
 * A storage is one piece of memory; a location is a part of it, which inside a loop may move with the iteration. What a
 * loop carries lies in a storage with a slot for each iteration and one more (when an iteration's value is needed later,
 * as the residual stream is by the backward loop) or in two slots by turns; stacked values have a slot for each
 * iteration. That makes loops free of copies in all usual cases; `Copy` steps do the rest.
 */
import type { OpOf, ValueId } from '../ir/graph.ts';
import type { Kernel } from '../ir/kernel.ts';
import type { Matmul } from '../ir/matmul.ts';
import type { Region } from '../ir/region.ts';
import { present } from '../support/invariant.ts';

export interface Place {
  readonly segment: string;
  readonly offset: number;
}

export interface Storage {
  readonly id: number;
  /** Undefined for the arena. */
  readonly fixed: Place | undefined;
  readonly bytes: number;
  /** The loop in whose body alone it is used: its memory is free again at the end of the last use in an iteration. */
  readonly localTo: OpOf<'loop'> | undefined;
}

/** Equal pieces at a constant distance: how a stacked value lies. */
export interface Rows {
  readonly count: number;
  /** Bytes of one row, and from the start of one to the next. */
  readonly bytes: number;
  readonly stride: number;
}

export interface Location {
  readonly storage: Storage;
  /** Bytes from the start of the storage. */
  readonly offset: number;
  readonly bytes: number;
  /** At iteration i it lies (i + shift) mod modulus strides further. */
  readonly move?: { readonly stride: number; readonly shift: number; readonly modulus: number };
  /** For a stacked value seen whole. */
  readonly rows?: Rows;
}

export interface Copy {
  readonly kind: 'copy';
  readonly from: Location;
  readonly to: Location;
  readonly rows: number;
  readonly rowBytes: number;
  readonly fromStride: number;
  readonly toStride: number;
}

export interface PlacedRegion {
  readonly kind: 'region';
  readonly region: Region;
  readonly kernel: Kernel;
}

/** A region that a library computes. */
export interface PlacedMatmuls {
  readonly kind: 'matmuls';
  readonly region: Region;
  readonly matmuls: readonly Matmul[];
}

export interface PlacedLoop {
  readonly kind: 'loop';
  readonly op: OpOf<'loop'>;
  readonly body: readonly (PlacedRegion | PlacedMatmuls | Copy)[];
}

export type PlacedStep = PlacedRegion | PlacedMatmuls | PlacedLoop | Copy;

export interface PlacedProgram {
  readonly steps: readonly PlacedStep[];
  readonly storages: readonly Storage[];
  /** Of stored values, aliases excepted. */
  readonly locations: ReadonlyMap<ValueId, Location>;
  /** Where a stacked value lies without gaps, for kernels outside loops that read it whole. */
  readonly compact: ReadonlyMap<ValueId, Location>;
  /** Copies of values that would else lie within what a kernel reads beside them; all kernels read the copies. */
  readonly apart: ReadonlyMap<ValueId, Location>;
}

/** Where a kernel finds a value, which may be a copy; `inLoop`: a kernel of a loop's body. */
export function seenAt({ compact, apart, locations }: PlacedProgram, id: ValueId, inLoop: boolean): Location {
  const copy = (inLoop ? undefined : compact.get(id)) ?? apart.get(id);
  return copy ?? present(locations.get(id), `location of value ${id}`);
}

export function copyOf(from: Location, to: Location): Copy {
  const rows = from.rows ?? to.rows;
  if (!rows) return { kind: 'copy', from, to, rows: 1, rowBytes: from.bytes, fromStride: 0, toStride: 0 };
  return {
    kind: 'copy',
    from,
    to,
    rows: rows.count,
    rowBytes: rows.bytes,
    fromStride: from.rows?.stride ?? rows.bytes,
    toStride: to.rows?.stride ?? rows.bytes,
  };
}

/** Whether the rows of a stacked value lie without gaps. */
export function isCompact(rows: Rows | undefined): boolean {
  return !rows || rows.count === 1 || rows.stride === rows.bytes;
}

/** Bytes from the first to the end of the last row. */
export function spanOf(rows: Rows): number {
  return (rows.count - 1) * rows.stride + rows.bytes;
}
