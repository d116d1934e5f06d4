/** Axes that are made of others, so that time is found again when a batch and a time are merged and split again. */
import type { Axis, AxisId } from '../ir/graph.ts';

export interface AxisForms {
  /** The axes that were merged into one; a value's reach keeps their names. */
  readonly contentsOf: (axis: AxisId) => readonly Axis[] | undefined;
  /** The axes that one was split into; a value's reach keeps its name. */
  readonly piecesOf: (axis: AxisId) => readonly Axis[] | undefined;
  readonly setContents: (axis: AxisId, contents: readonly Axis[]) => void;
  readonly setPieces: (axis: AxisId, pieces: readonly Axis[]) => void;
  /** Whether a reach that is kept under `key` belongs to `axis` in part. */
  readonly isPart: (key: AxisId, axis: AxisId) => boolean;
}

export function makeAxisForms(): AxisForms {
  const contents = new Map<AxisId, readonly Axis[]>();
  const pieces = new Map<AxisId, readonly Axis[]>();
  const has = (axes: readonly Axis[] | undefined, id: AxisId): boolean => axes?.some((axis) => axis.id === id) ?? false;
  return {
    contentsOf: (axis) => contents.get(axis),
    piecesOf: (axis) => pieces.get(axis),
    setContents: (axis, list) => contents.set(axis, list),
    setPieces: (axis, list) => pieces.set(axis, list),
    isPart: (key, axis) => key !== axis && (has(contents.get(axis), key) || has(pieces.get(key), axis)),
  };
}
