import type { Block, Op, ValueId } from '../ir/graph.ts';
import { present } from '../support/invariant.ts';
import type { Constants } from './constant-values.ts';
import { type Degree, resultDegrees } from './scale-degree.ts';

export interface LossOptions {
  /** Values that matter. */
  readonly follows: (value: ValueId) => boolean;
  /** Values that must not have the number in them. */
  readonly leaving: ReadonlySet<ValueId>;
  /** Whether an op may read what has the number in it. */
  readonly mayRead: (op: Op) => boolean;
}

/**
 * Tells of a value of a block whether it might as well be multiplied by any positive number: all that it reaches takes the number off
 * again, before it leaves or is read by what may not.
 *
 * The walk goes on from a value only as far as the number is still in what it made. Where all that has it comes together in one value,
 * the answer for that value is the answer; it is remembered, so that no part of a long block is walked once for each value before it.
 */
export function lossesIn(block: Block, constants: Constants, options: LossOptions): (value: ValueId) => boolean {
  const { follows, leaving, mayRead } = options;
  const readers = readersIn(block);
  const makers = makersIn(block);
  const known = new Map<ValueId, boolean>();
  return (value) => {
    const same: ValueId[] = [];
    const isLost = walk(value, same);
    for (const id of same) known.set(id, isLost);
    return isLost;
  };

  /** `same` receives the values with the same answer. */
  function walk(start: ValueId, same: ValueId[]): boolean {
    const degrees = new Map<ValueId, Degree>();
    const unread = new Map<ValueId, number>();
    const ahead: number[] = [];
    const carry = (id: ValueId, degree: Degree): void => {
      const reading = readers.get(id) ?? [];
      degrees.set(id, degree);
      if (reading.length > 0) unread.set(id, reading.length);
      for (const at of reading) insert(ahead, at);
    };
    carry(start, 1);
    if (ahead.length === 0 || leaving.has(start)) return false;
    for (;;) {
      const [only] = unread.keys();
      if (only === undefined) return true;
      if (unread.size === 1 && unread.get(only) === readers.get(only)?.length) {
        const answer = known.get(only);
        if (answer !== undefined) return answer;
        same.push(only);
      }
      const op = present(block.ops[present(ahead.shift(), 'a reader')], 'an op');
      if (!mayRead(op)) return false;
      const degreeOf = resultDegrees(op, makers, degrees, constants);
      for (const [i, { id }] of op.results.entries()) {
        const degree = degreeOf(i);
        if (degree === 0 || !follows(id)) continue;
        if (degree === 'mixed' || leaving.has(id)) return false;
        carry(id, degree);
      }
      for (const id of new Set(op.operands)) {
        const left = unread.get(id);
        if (left === 1) unread.delete(id);
        else if (left !== undefined) unread.set(id, left - 1);
      }
    }
  }
}

export function makersIn({ ops }: Block): ReadonlyMap<ValueId, Op> {
  return new Map(ops.flatMap((op) => op.results.map((r) => [r.id, op] as const)));
}

/** The numbers of the ops that read each value. */
function readersIn({ ops }: Block): ReadonlyMap<ValueId, readonly number[]> {
  const readers = new Map<ValueId, number[]>();
  for (const [i, op] of ops.entries()) {
    for (const id of new Set(op.operands)) {
      const list = readers.get(id);
      if (list) list.push(i);
      else readers.set(id, [i]);
    }
  }
  return readers;
}

/** Into ascending numbers, unless it is there. */
function insert(sorted: number[], value: number): void {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? value) < value) low = middle + 1;
    else high = middle;
  }
  if (sorted[low] !== value) sorted.splice(low, 0, value);
}
