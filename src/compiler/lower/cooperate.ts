/** Reductions by the lanes of a workgroup: each takes every n-th element, and a tree in workgroup memory adds them up. */
import type { Expr, ScalarType } from '../ir/kernel.ts';
import { add, and, binary, lt, mul, select, u32 } from '../ir/kernel-expr.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import { present } from '../support/invariant.ts';
import type { Reducer } from './element.ts';
import { unravel } from './index-math.ts';
import { type Accumulator, accumulate, type Reduction, startOf, takeAt } from './reduce.ts';
import { applyBinary } from './scalar.ts';
import type { KernelWriter } from './writer.ts';

/** How the invocations of a workgroup share its rows: `lanes` times `rows` of them, neighbours in neighbouring rows. */
export interface Team {
  /** Lanes of a row; a power of two. */
  readonly lanes: number;
  readonly rows: number;
  /** The number of this invocation, and of its lane. */
  readonly member: Expr;
  readonly lane: Expr;
}

export function reduceTogether(writer: KernelWriter, team: Team): Reducer {
  const arrays = new Map<string, string>();
  let areUsed = false;
  const arrayFor = (slot: number, type: ScalarType): string => {
    const wish = slot === 0 ? `lanes_${type}` : `lanes_${type}_${slot + 1}`;
    const name = arrays.get(wish) ?? writer.shared(wish, type, team.lanes * team.rows);
    arrays.set(wish, name);
    return name;
  };
  return (reductions, at, emitter) => {
    const { axes } = present(reductions[0], 'reduction');
    const into = reductions.map((reduction) => startOf(writer, reduction));
    const wish = axes.map((axis) => axis.name).join('_');
    const stride = { from: team.lane, step: team.lanes };
    accumulate(writer, wish, elementsOf(axes), stride, reductions, into, (position, parts) => {
      const indices = unravel(position, axes);
      const inner = axes.map((axis, i) => [axis.id, present(indices[i], 'index')] as const);
      takeAt(emitter, reductions, parts, new Map([...at, ...inner]));
    });
    // The arrays serve every reduction in turn: all lanes must have read the last result.
    if (areUsed) writer.barrier();
    areUsed = true;
    return meet(writer, team, reductions, into, arrayFor);
  };
}

interface Slot {
  readonly reduction: Reduction;
  readonly best: string;
  readonly place: string | undefined;
}

function meet(
  writer: KernelWriter,
  { lanes, rows, member, lane }: Team,
  reductions: readonly Reduction[],
  into: readonly Accumulator[],
  arrayFor: (slot: number, type: ScalarType) => string,
): readonly Expr[] {
  const slots = reductions.map((reduction, i): Slot => {
    const { best, place } = present(into[i], 'accumulator');
    const slot = { reduction, best: arrayFor(2 * i, reduction.type), place: place && arrayFor(2 * i + 1, 'i32') };
    writer.storeShared(slot.best, member, best.value);
    if (slot.place && place) writer.storeShared(slot.place, member, place.value);
    return slot;
  });
  writer.barrier();
  const half = writer.var('half', u32(lanes / 2));
  writer.loop('round', Math.log2(lanes), () => {
    writer.when(lt(lane, half.value), () => {
      const other = add(member, mul(half.value, u32(rows)));
      for (const slot of slots) join(writer, slot, member, other);
    });
    writer.barrier();
    writer.assign(half, binary('div', half.value, u32(2)));
  });
  const first = rows === 1 ? u32(0) : binary('sub', member, mul(lane, u32(rows)));
  return slots.map(({ reduction, best, place }) =>
    writer.let(reduction.name, readShared(place ?? best, place ? 'i32' : reduction.type, first)),
  );
}

function readShared(array: string, type: ScalarType, index: Expr): Expr {
  return { kind: 'load_shared', type, array, index };
}

/** Joins what two lanes found; of equal largest elements the first wins, whichever lane saw it. */
function join(writer: KernelWriter, slot: Slot, lane: Expr, other: Expr): void {
  const { reduction, best, place } = slot;
  const mine = readShared(best, reduction.type, lane);
  const theirs = readShared(best, reduction.type, other);
  if (place === undefined) {
    const joined = reduction.kind === 'sum' ? applyBinary('add', mine, theirs) : binary('max', mine, theirs);
    writer.storeShared(best, lane, joined);
    return;
  }
  const myPlace = readShared(place, 'i32', lane);
  const theirPlace = readShared(place, 'i32', other);
  const earlier = and(binary('eq', theirs, mine), binary('lt', theirPlace, myPlace));
  const wins = writer.let('wins', binary('or', binary('gt', theirs, mine), earlier));
  writer.storeShared(best, lane, select(wins, theirs, mine));
  writer.storeShared(place, lane, select(wins, theirPlace, myPlace));
}
