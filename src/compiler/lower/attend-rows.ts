/**
 * What attention kernels do with rows of queries, keys and values.
 *
 * An invocation owns four rows, as the components of vectors: of queries where it looks at all keys they can see, of keys
 * where it looks at all queries that see them. It goes through the others in blocks of several rows, so that an
 * element of those is loaded once for four, and one of its own is read once for a whole block. Rows of a head lie in
 * local arrays, since heads may be of any size.
 */
import type { Axis, ValueId } from '../ir/graph.ts';
import type { Expr } from '../ir/kernel.ts';
import { binary, builtin, component, f32, lt, u32, vector } from '../ir/kernel-expr.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import { present } from '../support/invariant.ts';
import type { Emitter } from './element.ts';
import { add, atMost, bounded, div, indicesAt, mod, mul } from './index-math.ts';
import { shortName } from './names.ts';
import type { Env, KernelWriter, LocalArray } from './writer.ts';

export const FOUR = [0, 1, 2, 3] as const;

export const LANES = { cpu: 8, gpu: 32 } as const;

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
  const lanes = LANES[writer.context.limits.deviceClass];
  const tiles = tilesOver(lanes, over);
  const count = 4 * lanes;
  const group = bounded(place, tiles * elementsOf(outer) - 1);
  const first = writer.let(`first_${wish}`, mul(mod(group, tiles), count));
  const outerAt = elementsOf(outer) === 1 ? u32(0) : writer.let('outer', div(group, tiles));
  const outerEnv = indicesAt(outerAt, outer);
  const lane = bounded(builtin('local'), lanes - 1);
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

/** For each row of a block, the dot products with the own rows. */
export function dots(
  emitter: Emitter,
  wish: string,
  own: LocalArray,
  value: ValueId,
  block: readonly Env[],
  dims: readonly Axis[],
): readonly Expr[] {
  const { writer } = emitter;
  const sums = block.map((_, n) => writer.var(`${wish}_${n}`, vector([f32(0)])));
  overDims(writer, dims, (at, env) => {
    const mine = writer.let('own', own.at(at));
    block.forEach((row, n) => {
      const sum = present(sums[n], 'dot product');
      const product = binary('mul', mine, emitter.element(value, new Map([...row, ...env])));
      writer.assign(sum, binary('add', sum.value, product));
    });
  });
  return sums.map((sum) => sum.value);
}

/** Adds the rows of a block times their weights to the own rows, after these were multiplied by `decay`. */
export function addRows(
  emitter: Emitter,
  own: LocalArray,
  value: ValueId,
  block: readonly Env[],
  weights: readonly Expr[],
  dims: readonly Axis[],
  decay?: Expr,
): void {
  overDims(emitter.writer, dims, (at, env) => {
    const before = decay ? binary('mul', own.at(at), decay) : own.at(at);
    const sum = block.reduce((total, row, n) => {
      const weight = present(weights[n], 'weight of a row');
      return binary('add', total, binary('mul', weight, emitter.element(value, new Map([...row, ...env]))));
    }, before);
    own.assign(at, sum);
  });
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
