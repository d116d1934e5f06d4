/** Words for what the spec does not name. */
import type { BinaryFunction, Op, UnaryFunction } from '../ir/graph.ts';

/** What to call the result of a function that the spec does not name: a noun, since functions have the verbs. */
const FUNCTION_WORDS: { readonly [F in UnaryFunction | BinaryFunction]: string } = {
  neg: 'negative',
  exp: 'exponential',
  log: 'logarithm',
  sin: 'sine',
  cos: 'cosine',
  tanh: 'tangent',
  erf: 'error_function',
  sqrt: 'root',
  rsqrt: 'inverse_root',
  abs: 'magnitude',
  floor: 'whole',
  acos: 'angle',
  not: 'opposite',
  add: 'sum',
  sub: 'difference',
  mul: 'product',
  div: 'ratio',
  mod: 'remainder',
  pow: 'power',
  max: 'larger',
  min: 'smaller',
  eq: 'equal',
  ne: 'unequal',
  lt: 'less',
  le: 'at_most',
  gt: 'greater',
  ge: 'at_least',
  and: 'both',
  or: 'either',
};

/** What to call the result of an op that the spec does not name. */
export function opWord(op: Op): string {
  switch (op.kind) {
    case 'unary':
    case 'binary':
      return FUNCTION_WORDS[op.attrs.fn];
    case 'where':
      return 'choice';
    case 'sum':
      return 'total';
    case 'max':
      return 'largest';
    case 'argmax':
      return 'place';
    case 'recur':
      return 'state';
    case 'contract':
      return 'product';
    default:
      return op.kind;
  }
}
