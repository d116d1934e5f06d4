import type { Op, OpOf } from '../../ir/graph.ts';

const COMMUTES: ReadonlySet<OpOf<'binary'>['attrs']['fn']> = new Set([
  'add',
  'mul',
  'max',
  'min',
  'eq',
  'ne',
  'and',
  'or',
]);

/** Equal for ops that compute the same value; undefined for ops that are never compared. */
export function opKey(op: Op): string | undefined {
  if (op.kind === 'loop' || 'score' in op.attrs) return undefined;
  const { operands } = op;
  const ordered = op.kind === 'binary' && COMMUTES.has(op.attrs.fn) ? operands.toSorted((a, b) => a - b) : operands;
  const axes = op.results.map(({ type }) => [type.kind, ...type.axes.map((axis) => axis.id)]);
  return JSON.stringify([op.kind, op.attrs, ordered, axes]);
}
