/** What an iteration looks like from outside: the values it defines, and those that it gets from elsewhere. */
import type { Op, ValueId } from '../../ir/graph.ts';
import type { HirItem } from '../../ir/hir.ts';

export interface BodyShape {
  readonly ops: readonly Op[];
  /** Where in the iteration a value is defined, counting results. */
  readonly local: ReadonlyMap<ValueId, number>;
  /** Values by that number. */
  readonly results: readonly ValueId[];
  /** Every mention of a value of elsewhere, in order. */
  readonly outside: readonly ValueId[];
  /** The values of all constants, in order, those in blocks included. */
  readonly constants: readonly number[];
}

export function bodyShape(items: readonly HirItem[]): BodyShape {
  const ops = flatten(items);
  const local = new Map<ValueId, number>();
  const results: ValueId[] = [];
  const outside: ValueId[] = [];
  const constants: number[] = [];
  for (const op of ops) {
    for (const id of op.operands) if (!local.has(id)) outside.push(id);
    addConstants(op, constants);
    for (const result of op.results) {
      local.set(result.id, results.length);
      results.push(result.id);
    }
  }
  return { ops, local, results, outside, constants };
}

/** The ops of all iterations, in order; of iterations that were elaborated at once, those of their body. */
export function flatten(items: readonly HirItem[], into: Op[] = []): readonly Op[] {
  for (const item of items) {
    if (item.kind === 'for') for (const part of item.parts) flatten(part.items, into);
    else into.push(item);
  }
  return into;
}

/** The numbers of the constants that an op is or holds. */
function addConstants(op: Op, into: number[]): void {
  if (op.kind === 'constant') into.push(...op.attrs.values);
  if (op.kind !== 'attend') return;
  for (const block of [op.attrs.mask, op.attrs.score]) for (const inner of block.ops) addConstants(inner, into);
}
