import type { Axis, Op, OpName, OpOf, ValueId } from '../../ir/graph.ts';
import { tileSpace } from './tile-space.ts';

/**
 * How an op takes part in fusion:
 * - `memory`: its result lies in memory before the program starts;
 * - `leaf`: computed from nothing, so never read from memory;
 * - `pointwise`: an element of the result needs the elements of the operands at the same position of every axis;
 * - `view`: the elements of the operand under other axes;
 * - `movement`: an element of the result is an element of an operand, or zero;
 * - `reduction`: one number from many, in the row that asks for it;
 * - `product`: a contraction with tiles: one whose operands both have axes of their own. Others are a `reduction` (a dot
 *   product, a matrix and a vector), or `pointwise` when they sum nothing (an outer product);
 * - `scan`: an element of the result needs the one before it, so one invocation computes them in order;
 * - `put`: one position of a state, written where the state lies, and so never computed on the way to something else;
 * - `own`: an op with a kernel of its own;
 * - `loop`.
 */
export type OpClass =
  | 'memory'
  | 'leaf'
  | 'pointwise'
  | 'view'
  | 'movement'
  | 'reduction'
  | 'product'
  | 'scan'
  | 'put'
  | 'own'
  | 'loop';

const CLASS: { readonly [K in Exclude<OpName, 'contract'>]: OpClass } = {
  input: 'memory',
  weight: 'memory',
  constant: 'leaf',
  index: 'leaf',
  random: 'leaf',
  runtime: 'leaf',
  unary: 'pointwise',
  binary: 'pointwise',
  where: 'pointwise',
  cast: 'pointwise',
  stop_gradient: 'pointwise',
  step_total: 'pointwise',
  rename: 'view',
  split: 'view',
  merge: 'view',
  permute: 'pointwise',
  expand: 'movement',
  slice: 'movement',
  pad: 'movement',
  pick: 'movement',
  stack: 'movement',
  gather: 'movement',
  sum: 'reduction',
  max: 'reduction',
  argmax: 'reduction',
  recur: 'scan',
  scatter_add: 'own',
  put: 'put',
  attend: 'own',
  attend_backward_query: 'own',
  attend_backward_key: 'own',
  loop: 'loop',
};

export function classify(op: Op, axesOf: (id: ValueId) => readonly Axis[]): OpClass {
  return op.kind === 'contract' ? contractClass(op, axesOf) : CLASS[op.kind];
}

function contractClass(op: OpOf<'contract'>, axesOf: (id: ValueId) => readonly Axis[]): OpClass {
  if (op.attrs.terms.every((axes) => axes.length === 0)) return 'pointwise';
  const spaces = op.attrs.terms.map((_, k) => tileSpace(op, axesOf, k));
  return spaces.every((s) => s.rows.length > 0 && s.columns.length > 0) ? 'product' : 'reduction';
}

/** Whether a kernel that needs a value of this class may compute it on the way. */
export function isSoft(c: OpClass): boolean {
  return c === 'leaf' || c === 'pointwise' || c === 'view' || c === 'movement';
}

/** Rough cost of one element in additions; a load from memory that is near is about four. */
export function workOf(op: Op): number {
  if (op.kind === 'unary') return UNARY_WORK[op.attrs.fn];
  if (op.kind === 'binary') return op.attrs.fn === 'pow' ? 8 : 1;
  return CHEAP.has(op.kind) ? 1 : 0;
}

const UNARY_WORK: { readonly [F in Extract<Op, { kind: 'unary' }>['attrs']['fn']]: number } = {
  neg: 1,
  abs: 1,
  floor: 1,
  not: 1,
  sqrt: 2,
  rsqrt: 2,
  exp: 4,
  log: 4,
  tanh: 6,
  sin: 8,
  cos: 8,
  acos: 8,
  erf: 12,
};

const CHEAP: ReadonlySet<OpName> = new Set(['where', 'cast', 'contract']);
