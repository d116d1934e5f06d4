import type { BinaryFunction, UnaryFunction } from '../compiler/ir/graph.ts';
import type { ScalarExpr } from '../compiler/ir/train.ts';
import { InternalError, present } from '../compiler/support/invariant.ts';

type Write = (...args: readonly string[]) => string;

const infix =
  (operator: string): Write =>
  (a, b) =>
    `(${a} ${operator} ${b})`;
const call =
  (fn: string): Write =>
  (...args) =>
    `${fn}(${args.join(', ')})`;

const TEXTS: { readonly [F in UnaryFunction | BinaryFunction | 'where']: Write | undefined } = {
  neg: (x) => `(-${x})`,
  exp: call('Math.exp'),
  log: call('Math.log'),
  sin: call('Math.sin'),
  cos: call('Math.cos'),
  tanh: call('Math.tanh'),
  erf: undefined,
  sqrt: call('Math.sqrt'),
  rsqrt: (x) => `(1 / Math.sqrt(${x}))`,
  abs: call('Math.abs'),
  floor: call('Math.floor'),
  acos: call('Math.acos'),
  not: (x) => `!${x}`,
  add: infix('+'),
  sub: infix('-'),
  mul: infix('*'),
  div: infix('/'),
  mod: (a, b) => `(((${a} % ${b}) + ${b}) % ${b})`,
  pow: infix('**'),
  max: call('Math.max'),
  min: call('Math.min'),
  eq: infix('==='),
  ne: infix('!=='),
  lt: infix('<'),
  le: infix('<='),
  gt: infix('>'),
  ge: infix('>='),
  and: infix('&&'),
  or: infix('||'),
  where: (c, a, b) => `(${c} ? ${a} : ${b})`,
};

/** A learning rate as a TypeScript expression of `step`. */
export function scalarText(e: ScalarExpr): string {
  if (e.kind === 'step') return 'step';
  if (e.kind === 'number') return e.value < 0 ? `(${e.value})` : String(e.value);
  const write = TEXTS[e.fn];
  if (!write) throw new InternalError(`${e.fn} has no place in a learning rate`);
  const args = e.args.map(scalarText);
  present(args[0], 'an argument');
  return write(...args);
}
