/**
 * What attention kernels do with rows of queries, keys and values.
 *
 * An invocation owns four rows, as the components of vectors: of queries where it looks at all keys they can see, of keys
 * where it looks at all queries that see them. It goes through the others in blocks of several rows, so that an
 * element of those is loaded once for four, and one of its own is read once for a whole block. Rows of a head lie in
 * local arrays, since heads may be of any size. Where a workgroup is a subgroup, its lanes load the elements of a block
 * together and pass them round.
 */
import type { Axis, ValueId } from '../ir/graph.ts';
import type { Expr, TargetLimits } from '../ir/kernel.ts';
import { binary, builtin, component, f32, lt, min, sub, u32, vector } from '../ir/kernel-expr.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import { present } from '../support/invariant.ts';
import { range } from '../support/range.ts';
import type { RowBlock } from './attend-blocks.ts';
import type { AttendSpread } from './attend-finish.ts';
import { type EachRow, type OfRow, ofList } from './each-row.ts';
import type { Emitter } from './element.ts';
import { add, atMost, bounded, div, indicesAt, mod, mul } from './index-math.ts';
import { shortName } from './names.ts';
import { stripOf } from './strip.ts';
import type { Env, KernelWriter, LocalArray } from './writer.ts';

export const FOUR = [0, 1, 2, 3] as const;

const LANES = { cpu: 8, gpu: 32 } as const;

/** Invocations of a workgroup: a subgroup where they share what they load. */
export function lanesOver(limits: TargetLimits): number {
  return stripOf(limits) || LANES[limits.deviceClass];
}

/** `wish`: what an invocation owns four of. `batches`: how many times all of them are gone through. */
export function spreadInFours(limits: TargetLimits, over: Axis, wish: string, batches: number): AttendSpread {
  const lanes = lanesOver(limits);
  const text = `${4 * lanes} ${wish} per workgroup, 4 per invocation.`;
  return { lanes, groups: tilesOver(lanes, over) * batches, text, shuffles: stripOf(limits) > 0 };
}

export interface OwnRows {
  /** Over the outer axes, and the index of each. */
  readonly outerAt: Expr;
  readonly outer: Env;
  /** First row of the workgroup, and how many it has; the last of them may be beyond the end. */
  readonly first: Expr;
  readonly count: number;
  /** The invocation's rows, and whether there are such rows. */
  readonly rows: readonly Expr[];
  readonly exists: readonly (Expr | undefined)[];
  /** Indices of the rows; beyond the last, those of the last. */
  readonly envs: readonly Env[];
}

function laneOf(limits: TargetLimits): Expr {
  return bounded(builtin(stripOf(limits) > 0 ? 'subgroup_lane' : 'local'), lanesOver(limits) - 1);
}

export function tilesOver(lanes: number, over: Axis): number {
  return Math.ceil(over.size / (4 * lanes));
}

/** The four rows over `over` of this invocation; `place` is the number of its workgroup among those over `outer`. */
export function ownRows(
  writer: KernelWriter,
  wish: string,
  over: Axis,
  outer: readonly Axis[],
  place: Expr = builtin('group'),
): OwnRows {
  const { limits } = writer.context;
  const lanes = lanesOver(limits);
  const tiles = tilesOver(lanes, over);
  const count = 4 * lanes;
  const group = bounded(place, tiles * elementsOf(outer) - 1);
  const first = writer.let(`first_${wish}`, mul(mod(group, tiles), count));
  const outerAt = elementsOf(outer) === 1 ? u32(0) : writer.let('outer', div(group, tiles));
  const outerEnv = indicesAt(outerAt, outer);
  const lane = laneOf(limits);
  const rows = FOUR.map((c) => writer.let(`${wish}_${c}`, add(add(first, lane), u32(c * lanes))));
  const mayEnd = over.size % count !== 0;
  return {
    outerAt,
    outer: outerEnv,
    first,
    count,
    rows,
    exists: rows.map((row) => (mayEnd ? lt(row, u32(over.size)) : undefined)),
    envs: rows.map((row) => new Map([...outerEnv, [over.id, atMost(row, over.size - 1)]])),
  };
}

/** A local array of the own rows of `value`, over `dims`. */
export function loadRows(
  emitter: Emitter,
  value: ValueId,
  rows: readonly Env[],
  dims: readonly Axis[],
  scale = 1,
): LocalArray {
  const { writer } = emitter;
  const array = writer.array(shortName(writer.context, value), 'vec4', elementsOf(dims));
  overDims(writer, dims, (at, env) => {
    const four = vector(rows.map((row) => emitter.element(value, new Map([...row, ...env]))));
    array.assign(at, scale === 1 ? four : binary('mul', four, f32(Math.fround(scale))));
  });
  return array;
}

export function overDims(writer: KernelWriter, dims: readonly Axis[], body: (at: Expr, env: Env) => void): void {
  const wish = dims.map((axis) => axis.name).join('_');
  writer.loop(wish === '' ? 'element' : wish, elementsOf(dims), (at) => body(at, indicesAt(at, dims)));
}

/** What is done with the elements of the rows of a block at one place. */
export type TakeElements = (at: Expr, element: OfRow) => void;

/**
 * A loop over the elements of the rows of a block, which are the same for all invocations of the workgroup: where they are
 * a subgroup, each lane loads some, and they take turns to pass theirs to all.
 */
export function overRows(
  emitter: Emitter,
  value: ValueId,
  rows: RowBlock,
  dims: readonly Axis[],
  takers: readonly TakeElements[],
): void {
  const { writer } = emitter;
  const { limits } = writer.context;
  const strip = stripOf(limits);
  const all = range(rows.count).map(u32);
  const elementsAt = (env: Env): readonly Expr[] =>
    all.map((n) => emitter.element(value, new Map([...rows.envOf(n), ...env])));
  const give = (at: Expr, element: OfRow): void => {
    for (const take of takers) take(at, element);
  };
  if (strip === 0) {
    overDims(writer, dims, (at, env) => give(at, ofList(elementsAt(env))));
    return;
  }
  const size = elementsOf(dims);
  const name = shortName(writer.context, value);
  const ofStrip = (start: Expr): void => {
    const mine = indicesAt(atMost(add(start, laneOf(limits)), size - 1), dims);
    const own = writer.array(`own_${name}`, 'f32', rows.isLoop ? rows.count : elementsAt(mine));
    // A loop that stays one: it takes no longer, and compiles twice as fast.
    if (rows.isLoop) {
      const load = (n: Expr): void => own.assign(n, emitter.element(value, new Map([...rows.envOf(n), ...mine])));
      writer.loop('n', rows.count, load);
    }
    const count = size % strip === 0 ? u32(strip) : min(u32(strip), sub(u32(size), start));
    const turnTo = (turn: Expr): void => {
      const passed: OfRow = (n) => writer.shuffle(rows.name(name, n), own.at(n), turn);
      give(bounded(add(start, turn), size - 1), rows.isLoop ? passed : ofList(all.map(passed)));
    };
    writer.loop('turn', count, turnTo, { max: strip - 1 });
  };
  writer.loop('strip', size, ofStrip, { step: u32(strip) });
}

/** Dot products of the own rows with each of the rows of a block, as those are gone through. */
export function dotsOf(
  writer: KernelWriter,
  wish: string,
  own: LocalArray,
  rows: EachRow,
): { readonly sums: OfRow; readonly take: TakeElements } {
  const sums = writer.array(wish, 'vec4', rows.count);
  return {
    sums: sums.at,
    take: (at, element) => {
      const mine = writer.let('own', own.at(at));
      rows.each((n) => sums.assign(n, binary('add', sums.at(n), binary('mul', mine, element(n)))));
    },
  };
}

/** For each row of a block, the dot products with the own rows. */
export function dots(
  emitter: Emitter,
  wish: string,
  own: LocalArray,
  value: ValueId,
  block: RowBlock,
  dims: readonly Axis[],
): OfRow {
  const { sums, take } = dotsOf(emitter.writer, wish, own, block);
  overRows(emitter, value, block, dims, [take]);
  return sums;
}

/** Adds elements times the weights of their rows to the own rows, after these were multiplied by `decay`. */
export function adding(own: LocalArray, rows: EachRow, weight: OfRow, decay?: Expr): TakeElements {
  return (at, element) => {
    const before = decay ? binary('mul', own.at(at), decay) : own.at(at);
    const add = (total: Expr, n: Expr): Expr => binary('add', total, binary('mul', weight(n), element(n)));
    own.assign(at, rows.fold('sum', before, add));
  };
}

/** Adds the rows of a block times their weights to the own rows. */
export function addRows(
  emitter: Emitter,
  own: LocalArray,
  value: ValueId,
  block: RowBlock,
  weight: OfRow,
  dims: readonly Axis[],
  decay?: Expr,
): void {
  overRows(emitter, value, block, dims, [adding(own, block, weight, decay)]);
}

/** Stores the own rows, where there are such rows. */
export function storeRows(
  emitter: Emitter,
  value: ValueId,
  rows: OwnRows,
  dims: readonly Axis[],
  result: (at: Expr) => Expr,
): void {
  overDims(emitter.writer, dims, (at, env) => {
    const four = emitter.writer.let(shortName(emitter.writer.context, value), result(at));
    storeFour(emitter, value, rows, env, four);
  });
}

export function storeFour(emitter: Emitter, value: ValueId, rows: OwnRows, env: Env, four: Expr): void {
  const { writer } = emitter;
  for (const c of FOUR) {
    const place = new Map([...present(rows.envs[c], 'own row'), ...env]);
    const store = (): void => writer.store(value, writer.positionOf(value, place), component(four, c));
    const exists = rows.exists[c];
    if (exists) writer.when(exists, store);
    else store();
  }
}

/** A vector of one number for each own row. */
export function fourOf(element: (c: 0 | 1 | 2 | 3) => Expr): Expr {
  return vector(FOUR.map(element));
}
