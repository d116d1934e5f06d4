/** The contractions of a part, sorted by the loops that compute them. */
import type { Axis, OpOf, ValueId } from '../ir/graph.ts';
import type { ProductPart } from '../ir/region.ts';
import { hasAxis } from '../ir/tensor-type.ts';
import { invariant, present } from '../support/invariant.ts';
import { type LowerContext, opOf } from './context.ts';

/** One term of one accumulator: the element of `row` times that of `column`. */
export interface Term {
  /** Number of the accumulator in its part. */
  readonly sum: number;
  /** The operand that has the axes along the rows of a tile, and the one that has those along its columns. */
  readonly row: ValueId;
  readonly column: ValueId;
}

/** Terms that are summed over the same axes, in one loop. */
export interface Pass {
  readonly axes: readonly Axis[];
  readonly terms: readonly Term[];
}

/** The passes of a part, in the order of its terms. */
export function passesOf(context: LowerContext, part: ProductPart): readonly Pass[] {
  const passes = new Map<string, { readonly axes: readonly Axis[]; readonly terms: Term[] }>();
  part.accumulators.forEach((accumulator, sum) => {
    const op = opOf(context, accumulator);
    invariant(op?.kind === 'contract', 'an accumulator is no contraction');
    op.attrs.terms.forEach((_, i) => {
      const { axes, term } = termOf(context, part, op, i, sum);
      const key = axes.map((axis) => axis.id).join(' ');
      const pass = passes.get(key) ?? { axes, terms: [] };
      pass.terms.push(term);
      passes.set(key, pass);
    });
  });
  return [...passes.values()];
}

/** The summed axes, those together that lie side by side in all operands, so that one loop runs over them. */
export function loopsOf(context: LowerContext, { axes, terms }: Pass): readonly (readonly Axis[])[] {
  const operands = [...new Set(terms.flatMap(({ row, column }) => [row, column]))];
  const follows = (before: Axis, axis: Axis): boolean =>
    operands.every((id) => {
      const own = context.value(id).type.axes;
      const place = own.findIndex(({ id }) => id === before.id);
      return place >= 0 && own[place + 1]?.id === axis.id;
    });
  const loops: Axis[][] = [];
  for (const axis of axes) {
    const last = loops.at(-1);
    const before = last?.at(-1);
    if (last && before && follows(before, axis)) last.push(axis);
    else loops.push([axis]);
  }
  return loops;
}

function termOf(
  context: LowerContext,
  part: ProductPart,
  op: OpOf<'contract'>,
  i: number,
  sum: number,
): { readonly axes: readonly Axis[]; readonly term: Term } {
  const left = present(op.operands[2 * i], 'left operand');
  const right = present(op.operands[2 * i + 1], 'right operand');
  const axesOfLeft = context.value(left).type.axes;
  const summed = present(op.attrs.terms[i], 'term');
  const axes = axesOfLeft.filter((axis) => summed.includes(axis.id));
  const alongRows = part.rows.some((axis) => hasAxis(axesOfLeft, axis.id));
  const [row, column] = alongRows ? [left, right] : [right, left];
  return { axes, term: { sum, row, column } };
}

/** The operands on one side, each once. */
export function operandsOfPass(pass: Pass, side: 'row' | 'column'): readonly ValueId[] {
  return [...new Set(pass.terms.map((term) => term[side]))];
}
