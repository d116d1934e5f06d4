/** Which values of a block are numbers that are known while compiling: one, or one for each iteration of its loop. */
import type { Block, OpOf, ValueId } from '../ir/graph.ts';
import { operandOf, resultOf } from '../ir/op-parts.ts';
import { BINARY_VALUE, UNARY_VALUE } from '../ops/pointwise.ts';

export type Constants = ReadonlyMap<ValueId, readonly number[]>;

/** `around` are those of the block that holds the loop, when `loop` is the op whose body the block is. */
export function constantValues(block: Block, around?: Constants, loop?: OpOf<'loop'>): Constants {
  const known = new Map<ValueId, readonly number[]>(around);
  for (const [i, param] of block.params.entries()) {
    const operand = loop?.operands[i];
    const values = operand === undefined ? undefined : around?.get(operand);
    if (loop && values && i >= loop.attrs.carried) known.set(param.id, values);
  }
  for (const op of block.ops) {
    const operands = op.operands.map((id) => known.get(id));
    const all = operands.filter((values) => values !== undefined);
    if (op.kind === 'constant') known.set(resultOf(op, 0).id, op.attrs.values);
    if (all.length === 0 || all.length !== operands.length || resultOf(op, 0).type.axes.length > 0) continue;
    const length = Math.max(...all.map((values) => values.length));
    const at = (k: number, i: number): number => all[k]?.[all[k].length === 1 ? 0 : i] ?? Number.NaN;
    const numbers = Array.from({ length }, (_, i) => i);
    if (op.kind === 'unary')
      known.set(
        resultOf(op, 0).id,
        numbers.map((i) => UNARY_VALUE[op.attrs.fn](at(0, i))),
      );
    if (op.kind === 'binary')
      known.set(
        resultOf(op, 0).id,
        numbers.map((i) => BINARY_VALUE[op.attrs.fn](at(0, i), at(1, i))),
      );
  }
  return known;
}

/** What a value is multiplied by, where an op multiplies or divides it by numbers that are known. */
export interface Scaling {
  readonly of: ValueId;
  readonly factors: readonly number[];
}

export function scalingOf(op: OpOf<'binary'>, constants: Constants): Scaling | undefined {
  const [a, b] = [operandOf(op, 0), operandOf(op, 1)];
  const [left, right] = [constants.get(a), constants.get(b)];
  if (op.attrs.fn === 'div' && right && !left) return { of: a, factors: right.map((value) => 1 / value) };
  if (op.attrs.fn !== 'mul') return undefined;
  if (right && !left) return { of: a, factors: right };
  return left && !right ? { of: b, factors: left } : undefined;
}

/** Not the same number in every iteration. */
export function varies(factors: readonly number[]): boolean {
  return factors.some((factor) => factor !== factors[0]);
}
