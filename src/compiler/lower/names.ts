/** Names in kernels: those of the spec, sanitised and made unique. */
import type { BinaryFunction, Op, UnaryFunction, Value } from '../ir/graph.ts';

/** Letters, digits and single underscores, starting with a letter: a name in every target. */
export function sanitised(name: string): string {
  const plain = name
    .replace(/[^A-Za-z0-9]+/g, '_')
    .replace(/_+/g, '_')
    .replace(/^_+|_+$/g, '');
  return /^[A-Za-z]/.test(plain) ? plain : plain === '' ? 'x' : `x${plain}`;
}

/** `layer_attn_query` for the value `layer.attn.query`; a word for its op when the spec gives no name. */
export function longName(value: Value, op: Op | undefined): string {
  return sanitised(value.name ?? opWord(op));
}

/** `query` for the value `layer.attn.query`. */
export function shortName(value: Value, op: Op | undefined): string {
  const path = value.name?.split('.') ?? [];
  const last = path.findLast((part) => /[A-Za-z]/.test(part));
  return sanitised(last ?? opWord(op));
}

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

function opWord(op: Op | undefined): string {
  if (op === undefined) return 'value';
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
    case 'contract':
      return 'product';
    default:
      return op.kind;
  }
}

/** Gives out each name once: `x`, `x_2`, `x_3`, … */
export function makeNamer(): (wish: string) => string {
  const taken = new Set<string>();
  return (wish) => {
    const name = freeName(wish, (candidate) => taken.has(candidate));
    taken.add(name);
    return name;
  };
}

/** `wish`, or the first of `wish_2`, `wish_3`, … that is free. */
export function freeName(wish: string, isTaken: (name: string) => boolean): string {
  if (!isTaken(wish)) return wish;
  let n = 2;
  while (isTaken(`${wish}_${n}`)) n++;
  return `${wish}_${n}`;
}
