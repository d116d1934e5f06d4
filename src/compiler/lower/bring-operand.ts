/**
 * How a tile of an operand comes to workgroup memory. What lies in memory in the type in which it is multiplied is copied, while units
 * multiply; anything else is loaded into registers before they do, and rounded and stored after.
 */
import type { Axis } from '../ir/graph.ts';
import type { Expr, NarrowType } from '../ir/kernel.ts';
import { bool, f32, lt, select, u32 } from '../ir/kernel-expr.ts';
import { DEPTH } from '../ir/multiprocessor.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import { present } from '../support/invariant.ts';
import { range } from '../support/range.ts';
import { add, atMost, div, indicesAt, mod, mul } from './index-math.ts';
import type { OperandTile } from './matrix-tile.ts';
import { withinGroup } from './product-frame.ts';
import type { Env, KernelWriter, LocalArray } from './writer.ts';

/** A tile of an operand that the invocations of a workgroup bring together. */
export interface Bringing extends OperandTile {
  readonly name: string;
  /** Its workgroup memory. */
  readonly array: string;
  readonly lane: Expr;
  readonly lanes: number;
  /** The first of its lines, and the axes of all lines and of the sum. */
  readonly first: Expr;
  readonly axes: readonly Axis[];
  readonly summed: readonly Axis[];
  /** Whether there have to be zeros beyond the end of the sum. One side of a product is enough. */
  readonly isPadded: boolean;
  /** The element at an index of each axis. */
  readonly elementAt: (at: Env) => Expr;
}

/** Where an element of an operand lies in its workgroup memory, which has a place for each turn. */
export function positionOf({ along, stride, elements }: OperandTile, turn: Expr, line: Expr, step: Expr): Expr {
  const [slow, fast] = along === 'sum' ? [line, step] : [step, line];
  return add(add(mul(turn, elements), mul(slow, stride)), fast);
}

/** Begins to copy a tile, from `start` of the sum on, to the memory of a turn. */
export function copyTile(writer: KernelWriter, operand: Bringing, type: NarrowType, start: Expr, turn: Expr): void {
  const { array, piece, lanes, lane, lines } = operand;
  const pieces = (lines * DEPTH) / piece;
  writer.loop('n', Math.ceil(pieces / lanes), (n) => {
    const copy = (): void => {
      const { line, step } = placeOf(operand, n, piece);
      const { elements, inside } = neighboursAt(operand, line, add(start, step), piece);
      const { buffer, index } = present(writer.piece(elements, type), 'neighbours of an operand');
      const to = div(positionOf(operand, turn, line, step), piece);
      writer.copyShared({ array, to, buffer, from: index, elements: piece, inside: inside[0] ?? bool(true) });
    };
    if (pieces % lanes === 0) copy();
    else writer.when(lt(add(mul(n, lanes), lane), u32(pieces)), copy);
  });
}

/** What an invocation loads of a tile, in fours. */
export function loadedFours(writer: KernelWriter, { name, lines, lanes }: Bringing): LocalArray {
  return writer.array(`next_${name}`, 'vec4', (lines * DEPTH) / 4 / lanes);
}

/** Loads an invocation's part of a tile from `start` of the sum on. */
export function loadTile(writer: KernelWriter, operand: Bringing, start: Expr, fours: LocalArray): void {
  writer.loop('n', foursOf(operand), (n) => {
    const { line, step } = placeOf(operand, n, 4);
    const { elements, inside } = neighboursAt(operand, line, add(start, step), 4);
    const [first] = inside;
    const isWhole = inside.every((each) => each === first);
    const four = writer.four(isWhole ? elements : elements.map((e, c) => select(inside[c] ?? bool(true), e, f32(0))));
    const zero: Expr = { kind: 'vector', type: 'vec4', parts: [f32(0)] };
    fours.assign(n, isWhole && first ? select(first, four, zero) : four);
  });
}

/** Stores what was loaded into the memory of a turn, rounded. */
export function keepTile(writer: KernelWriter, operand: Bringing, turn: Expr, fours: LocalArray): void {
  writer.loop('n', foursOf(operand), (n) => {
    const { line, step } = placeOf(operand, n, 4);
    writer.storeShared(operand.array, div(positionOf(operand, turn, line, step), 4), fours.at(n));
  });
}

function foursOf({ lines, lanes }: Bringing): number {
  return (lines * DEPTH) / 4 / lanes;
}

/** The line of the n-th group of neighbours of an invocation, and its place along the sum: of the first of `width`. */
function placeOf({ lane, lanes, lines, along }: Bringing, n: Expr, width: number): { line: Expr; step: Expr } {
  // Neighbouring invocations read neighbours in memory.
  const place = add(mul(n, lanes), lane);
  if (along === 'sum') return { line: div(place, DEPTH / width), step: mul(mod(place, DEPTH / width), width) };
  return { line: mul(mod(place, lines / width), width), step: div(place, lines / width) };
}

/** `width` elements along the fastest axis, and which are before the end of the sum where zeros are wanted: one for all, if they agree. */
function neighboursAt(
  operand: Bringing,
  line: Expr,
  sum: Expr,
  width: number,
): { readonly elements: readonly Expr[]; readonly inside: readonly Expr[] } {
  const { along, axes, summed, first, isPadded, elementAt } = operand;
  const [lines, count] = [elementsOf(axes), elementsOf(summed)];
  const [ofLine, ofSum] = along === 'sum' ? [0, 1] : [1, 0];
  const elements = range(width).map((c) => {
    const lineAt = add(add(first, line), u32(ofLine * c));
    const sumAt = add(sum, u32(ofSum * c));
    const bound = (at: Expr, size: number, isFast: boolean): Expr =>
      isFast ? withinGroup(at, size, width) : atMost(at, size - 1);
    return elementAt(
      new Map([
        ...indicesAt(bound(lineAt, lines, along === 'lines'), axes),
        ...indicesAt(bound(sumAt, count, along === 'sum'), summed),
      ]),
    );
  });
  if (!isPadded) return { elements, inside: [] };
  const isWhole = along === 'lines' || count % width === 0;
  const inside = isWhole ? undefined : range(width).map((c) => lt(add(sum, u32(c)), u32(count)));
  const whole = lt(sum, u32(count));
  return { elements, inside: inside ?? range(width).map(() => whole) };
}
