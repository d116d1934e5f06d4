import type { Axis, OpOf, ValueId } from '../ir/graph.ts';
import { sameAxes } from '../ir/tensor-type.ts';
import type { AttendParts } from './attend-parts.ts';

/** Gradients of keys and values with the same axes, whose rows are computed together. */
export interface KeyPart {
  readonly outer: readonly Axis[];
  readonly ofKeys: ValueId | undefined;
  readonly ofValues: ValueId | undefined;
}

/** Keys and values together, unless they are shared by unlike groups of queries. */
export function keyParts(
  op: OpOf<'attend_backward_key'>,
  { keyed, valued }: AttendParts,
): readonly [KeyPart, KeyPart?] {
  const [ofKeys, ofValues] = op.results.map(({ id }) => id);
  if (sameAxes(keyed, valued)) return [{ outer: keyed, ofKeys, ofValues }];
  return [
    { outer: keyed, ofKeys, ofValues: undefined },
    { outer: valued, ofKeys: undefined, ofValues },
  ];
}
