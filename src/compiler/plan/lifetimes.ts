import type { ValueId } from '../ir/graph.ts';
import type { LiveBlock } from './pack-arena.ts';
import { alignUp } from './sizes.ts';
import {
  type Copy,
  type PlacedMatmuls,
  type PlacedProgram,
  type PlacedRegion,
  type Storage,
  seenAt,
} from './storage.ts';

/** The arena's storages and when each is in use. */
export interface Lifetimes {
  readonly storages: readonly Storage[];
  /** Parallel to `storages`. */
  readonly blocks: readonly LiveBlock[];
}

/**
 * Counts the launches of a program as moments and finds the interval in which each storage of the arena is in use. What
 * is used in a loop is in use during the whole loop, unless it belongs to the loop's body alone.
 */
export function findLifetimes(program: PlacedProgram, resolve: (id: ValueId) => ValueId, alignment: number): Lifetimes {
  const intervals = new Map<Storage, { start: number; end: number }>();
  let now = 0;

  const touch = (storage: Storage, start: number, end: number): void => {
    if (storage.fixed) return;
    const interval = intervals.get(storage);
    if (interval) {
      interval.start = Math.min(interval.start, start);
      interval.end = Math.max(interval.end, end);
    } else {
      intervals.set(storage, { start, end });
    }
  };

  const storagesOf = (step: PlacedRegion | PlacedMatmuls | Copy, inLoop: boolean): readonly Storage[] => {
    if (step.kind === 'copy') return [step.from.storage, step.to.storage];
    const held =
      step.kind === 'matmuls'
        ? step.matmuls.flatMap(({ left, right, result }) => [left, right, result])
        : step.kernel.buffers.flatMap((b) => (typeof b.holds === 'number' ? [b.holds] : []));
    return held.map((id) => seenAt(program, resolve(id), inLoop).storage);
  };

  for (const step of program.steps) {
    if (step.kind !== 'loop') {
      for (const storage of storagesOf(step, false)) touch(storage, now, now);
      now++;
      continue;
    }
    const start = now;
    const end = now + Math.max(step.body.length - 1, 0);
    for (const inner of step.body) {
      for (const storage of storagesOf(inner, true)) {
        if (storage.localTo === step.op) touch(storage, now, now);
        else touch(storage, start, end);
      }
      now++;
    }
  }
  const storages = [...intervals.keys()];
  const blocks = storages.map((s) => ({
    bytes: alignUp(s.bytes, alignment),
    ...(intervals.get(s) ?? { start: 0, end: 0 }),
  }));
  return { storages, blocks };
}
