import type { OpName, OpShape, ValueId } from '../../ir/graph.ts';
import {
  expandRule,
  mergeRule,
  padRule,
  permuteRule,
  pickRule,
  renameRule,
  sliceRule,
  splitRule,
  sumRule,
} from './movement-rules.ts';
import { binaryRule, castRule, unaryRule, whereRule } from './pointwise-rules.ts';
import type { Rewriter } from './rewriter.ts';

/** What can stand for the only result of an op, of its type; undefined where the op is simple already. */
type Rule<K extends OpName> = (r: Rewriter, op: OpShape<K>) => ValueId | undefined;

const keep = (): undefined => undefined;

const RULES: { readonly [K in OpName]: Rule<K> } = {
  input: keep,
  weight: keep,
  constant: keep,
  index: keep,
  random: keep,
  runtime: keep,
  unary: unaryRule,
  binary: binaryRule,
  where: whereRule,
  cast: castRule,
  expand: expandRule,
  rename: renameRule,
  split: splitRule,
  merge: mergeRule,
  permute: permuteRule,
  slice: sliceRule,
  pad: padRule,
  pick: pickRule,
  stack: keep,
  sum: sumRule,
  max: keep,
  argmax: keep,
  contract: keep,
  gather: keep,
  scatter_add: keep,
  put: keep,
  recur: keep,
  stop_gradient: keep,
  step_total: keep,
  attend: keep,
  attend_backward_query: keep,
  attend_backward_key: keep,
  loop: keep,
};

export function applyRules<K extends OpName>(r: Rewriter, op: OpShape<K>): ValueId | undefined {
  return RULES[op.kind](r, op);
}
