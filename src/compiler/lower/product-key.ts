import type { Axis, ValueId } from '../ir/graph.ts';
import type { ProductPart, ProductRegion } from '../ir/region.ts';
import type { LowerContext } from './context.ts';
import { operandsOfPass, passesOf } from './product-terms.ts';

/**
 * Names a launch of products by what its time depends on: sizes, the order in which each operand and each result lies, the sums with their
 * terms, the types, and how many values it reads. Launches with one key run alike, whatever their axes are called.
 *
 * `r1=8 r2=128 c1=344 k1=128 : A[r1 r2 k1] B[k1 c1] C[k1 c1] : A*B; A*C -> [r1 r2 c1] : f32, 3 read` are two products of 1024 x 128 with
 * 128 x 344, from which one result is made. Rows are r, columns c, what is summed k, and what both operands have b.
 */
export function productKey(context: LowerContext, { parts, reads }: ProductRegion): string {
  const texts = parts.map((part) => partText(context, part));
  return `${texts.join(' & ')} : ${context.precision}, ${reads.length} read`;
}

function partText(context: LowerContext, part: ProductPart): string {
  const passes = passesOf(context, part);
  const names = new Map<string, string>();
  const sizes: string[] = [];
  const nameAll = (letter: string, axes: readonly Axis[]): void => {
    let count = 0;
    for (const { id, size } of axes) {
      if (names.has(id)) continue;
      count += 1;
      names.set(id, `${letter}${count}`);
      sizes.push(`${letter}${count}=${size}`);
    }
  };
  nameAll('b', part.batch);
  nameAll('r', part.rows);
  nameAll('c', part.columns);
  nameAll(
    'k',
    passes.flatMap(({ axes }) => axes),
  );
  const order = (id: ValueId, axes: readonly Axis[]): string => {
    const { storage } = context.value(id).type;
    const type = storage === 'f32' ? '' : ` ${storage}`;
    return `[${axes.map((axis) => names.get(axis.id) ?? `${axis.size}`).join(' ')}${type}]`;
  };
  const letters = new Map<ValueId, string>();
  for (const pass of passes)
    for (const side of ['row', 'column'] as const)
      for (const id of operandsOfPass(pass, side)) if (!letters.has(id)) letters.set(id, letterOf(letters.size));
  const lying = [...letters].map(([id, letter]) => `${letter}${order(id, context.layoutOf(id))}`);
  const sums = part.accumulators.map((_, sum) => {
    const terms = passes.flatMap((pass) => pass.terms.filter((term) => term.sum === sum));
    return terms.map(({ row, column }) => `${letters.get(row)}*${letters.get(column)}`).join(' + ');
  });
  const results = part.roots.map((id) => order(id, context.writtenAxes(id)));
  return `${sizes.join(' ')} : ${lying.join(' ')} : ${sums.join('; ')} -> ${results.join(' ')}`;
}

/** A … Z, then A1 … Z1, and so on. */
function letterOf(n: number): string {
  const round = Math.floor(n / 26);
  return `${String.fromCharCode(65 + (n % 26))}${round === 0 ? '' : round}`;
}
