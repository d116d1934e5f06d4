/**
 * The accumulators of one invocation of a product, and the loops that add to them.
 *
 * More than a block of products is added up in blocks, each in accumulators of its own, so that a long sum sees few
 * roundings; its order is fixed.
 */
import type { Axis } from '../ir/graph.ts';
import type { Expr } from '../ir/kernel.ts';
import { add, binary, min, u32 } from '../ir/kernel-expr.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import { present } from '../support/invariant.ts';
import { range } from '../support/range.ts';
import { eachRowOf } from './each-row.ts';
import { bounded, indicesAt } from './index-math.ts';
import type { Env, KernelWriter, Variable } from './writer.ts';

/**
 * Vectors of four columns each, by row and group of columns: elements of one local array. All its indices are constants, or count short loops
 * that are unrolled, so that they are registers.
 */
export interface Sum {
  readonly name: string;
  readonly rows: readonly (readonly Variable[])[];
  /** The one at a place of the array: row by row. */
  readonly at: (place: Expr) => Variable;
}

export type Sums = readonly Sum[];

/** Products that one accumulator adds up. */
export const BLOCK = 1024;

export function beginSums(writer: KernelWriter, names: readonly string[], rows: number, vectors: number): Sums {
  return names.map((name) => {
    const all = writer.array(name, 'vec4', rows * vectors);
    const at = (place: Expr): Variable => ({ value: all.at(place) });
    return { name, at, rows: range(rows).map((i) => range(vectors).map((j) => at(u32(i * vectors + j)))) };
  });
}

/** What is added at a place of the outer loops, and at one of the innermost, whose axes are counted together. */
export type Step = (outer: Env, index: Expr, into: Sums) => void;

/**
 * Calls `step` in nested loops, each over a few axes, with the accumulators to which it adds; in the innermost at every
 * `stride`-th place.
 */
export function sumOver(
  writer: KernelWriter,
  loops: readonly (readonly Axis[])[],
  into: Sums,
  step: Step,
  stride = 1,
): void {
  nest(writer, loops, new Map(), into, step, stride);
}

function nest(
  writer: KernelWriter,
  loops: readonly (readonly Axis[])[],
  at: Env,
  into: Sums,
  step: Step,
  stride: number,
): void {
  const [axes = [], ...rest] = loops;
  const inner = elementsOf(rest.flat());
  const loop = { name: axes.map(({ name }) => name).join('_'), size: elementsOf(axes) };
  const within = (index: Expr, sums: Sums): void => {
    if (rest.length === 0) step(at, index, sums);
    else nest(writer, rest, new Map([...at, ...indicesAt(index, axes)]), sums, step, stride);
  };
  if (inner > BLOCK / 4 && loop.size * inner > BLOCK) {
    const parts = (index: Expr): void => inParts(writer, into, (sums) => within(index, sums));
    writer.loop(loop.name, loop.size, parts);
  } else inBlocks(writer, loop, Math.max(1, Math.floor(BLOCK / inner)), into, within, rest.length === 0 ? stride : 1);
}

/** A loop over blocks of `length` of an axis, each in accumulators of its own. */
export function inBlocks(
  writer: KernelWriter,
  axis: { readonly name: string; readonly size: number },
  length: number,
  into: Sums,
  body: (index: Expr, into: Sums) => void,
  stride = 1,
): void {
  const max = axis.size - 1;
  if (axis.size <= length) {
    writer.loop(axis.name, axis.size, (index) => body(index, into), { step: u32(stride) });
    return;
  }
  const blocks = (start: Expr): void => {
    const end = min(add(start, u32(length)), u32(axis.size));
    inParts(writer, into, (parts) =>
      writer.loop(axis.name, end, (index) => body(bounded(index, max), parts), { from: start, step: u32(stride), max }),
    );
  };
  writer.loop(`${axis.name}_block`, axis.size, blocks, { step: u32(length), max });
}

function inParts(writer: KernelWriter, into: Sums, write: (into: Sums) => void): void {
  const [first] = into;
  const rows = first?.rows.length ?? 0;
  const vectors = first?.rows[0]?.length ?? 0;
  const names = into.map(({ name }) => `part_${name}`);
  const parts = beginSums(writer, names, rows, vectors);
  write(parts);
  eachRowOf(writer, rows * vectors, 'i').each((place) =>
    into.forEach((whole, i) => {
      const { value } = whole.at(place);
      writer.assign({ value }, binary('add', value, present(parts[i], 'partial sum').at(place).value));
    }),
  );
}

/** Adds products of a scalar and vectors to the accumulators of the vectors, one product after the other. */
export function addProducts(
  writer: KernelWriter,
  products: readonly (readonly [scalar: Expr | undefined, vectors: readonly Expr[] | undefined])[],
  sums: readonly Variable[] | undefined,
): void {
  present(sums, 'accumulators of a row').forEach((sum, j) => {
    const added = products.reduce<Expr>((before, [scalar, vectors]) => {
      const [factor, vector] = [present(scalar, 'element of a row'), present(vectors?.[j], 'elements of columns')];
      return binary('add', before, binary('mul', factor, vector));
    }, sum.value);
    writer.assign(sum, added);
  });
}
