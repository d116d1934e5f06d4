/** The operands and axes of an attention op, by what they are. */
import type { Axis, ValueId } from '../ir/graph.ts';
import { axesWithout, axisOf, elementsOf, hasAxis, withoutIds } from '../ir/tensor-type.ts';
import { type AttendOp, BEFORE_CAPTURES } from '../ops/attend-shapes.ts';
import { invariant, present } from '../support/invariant.ts';
import type { LowerContext } from './context.ts';

export interface AttendParts {
  readonly q: ValueId;
  readonly k: ValueId;
  readonly v: ValueId;
  /** Operands between v and the captures. */
  readonly others: readonly ValueId[];
  readonly captures: readonly ValueId[];
  /** The axis of the queries, and as axis of k and v that of the keys. */
  readonly over: Axis;
  /** The axes of the scores but those of query and key. */
  readonly outer: readonly Axis[];
  /** Those of them that the keys have, and those that the values have; queries share a key or value over the others. */
  readonly keyed: readonly Axis[];
  readonly valued: readonly Axis[];
  /** The axes that queries and keys have of their own, and those of the values. */
  readonly head: readonly Axis[];
  readonly value: readonly Axis[];
}

export function attendParts(context: LowerContext, op: AttendOp): AttendParts {
  const [q, k, v] = op.operands;
  invariant(q !== undefined && k !== undefined && v !== undefined, 'attention needs queries, keys and values');
  const axesOf = (id: ValueId): readonly Axis[] => context.value(id).type.axes;
  const outer = withoutIds(axesOf(q), [op.attrs.on, op.attrs.over]);
  const first = BEFORE_CAPTURES[op.kind];
  return {
    q,
    k,
    v,
    others: op.operands.slice(3, first),
    captures: op.operands.slice(first),
    over: axisOf(axesOf(q), op.attrs.over),
    outer,
    keyed: outer.filter((axis) => hasAxis(axesOf(k), axis.id)),
    valued: outer.filter((axis) => hasAxis(axesOf(v), axis.id)),
    head: [axisOf(axesOf(q), op.attrs.on)],
    value: axesWithout(withoutIds(axesOf(v), [op.attrs.over]), outer),
  };
}

export function otherOperand({ others }: AttendParts, i: number): ValueId {
  return present(others[i], 'operand of attention');
}

/** Floating-point operations of one pair of a query and a key for each product of rows of the head and the values. */
export function pairFlops({ head, value }: AttendParts, ofHead: number, ofValue: number): number {
  return 2 * (ofHead * elementsOf(head) + ofValue * elementsOf(value));
}
