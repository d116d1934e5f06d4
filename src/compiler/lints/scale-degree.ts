/**
 * How the values of a block change when one of them, or all of several, are multiplied by a positive number s: by s^degree. Degree 0 is
 * scale-invariant, as what a norm gives. `mixed` is everything else. Values that do not depend on the start are missing.
 *
 * Numbers up to TINY that are added, such as the eps of a norm, count as nothing.
 */
import type { BinaryFunction, Block, Op, UnaryFunction, ValueId } from '../ir/graph.ts';
import type { Constants } from './constant-values.ts';

export type Degree = number | 'mixed';
export type Degrees = ReadonlyMap<ValueId, Degree>;

const TINY = 1e-3;
const HOMOGENEOUS: { readonly [F in UnaryFunction]?: number } = { neg: 1, abs: 1, sqrt: 0.5, rsqrt: -0.5 };
const SUMS: readonly BinaryFunction[] = ['add', 'sub', 'max', 'min'];
const COMPARISONS: readonly BinaryFunction[] = ['eq', 'ne', 'lt', 'le', 'gt', 'ge'];

export function degreesFrom({ ops }: Pick<Block, 'ops'>, start: ValueId, constants: Constants): Degrees {
  const degrees = new Map<ValueId, Degree>([[start, 1]]);
  const made = new Map<ValueId, Op>();
  for (const op of ops) {
    for (const result of op.results) made.set(result.id, op);
    if (!op.operands.some((id) => degrees.has(id))) continue;
    const degreeOf = resultDegrees(op, made, degrees, constants);
    for (const [i, result] of op.results.entries()) if (result.id !== start) degrees.set(result.id, degreeOf(i));
  }
  return degrees;
}

/** The degree of each result of an op, from those of its operands. `made` has the ops before it. */
export function resultDegrees(
  op: Op,
  made: ReadonlyMap<ValueId, Op>,
  degrees: Degrees,
  constants: Constants,
): (result: number) => Degree {
  return guardedDegree(op, made, degrees, constants) ?? plainDegrees(op, degrees, constants);
}

/**
 * The degree of `where(s > 0, s, c)` for a sum s of what is never negative: c stands only where s is 0, which has every degree.
 * So norms keep a root away from 0.
 */
function guardedDegree(
  op: Op,
  made: ReadonlyMap<ValueId, Op>,
  degrees: Degrees,
  constants: Constants,
): (() => Degree) | undefined {
  if (op.kind !== 'where') return undefined;
  const [test, then = test, otherwise = test] = op.operands;
  const [condition, sum] = [test, then].map((id) => (id === undefined ? undefined : made.get(id)));
  if (then === undefined || otherwise === undefined || !constants.has(otherwise)) return undefined;
  if (condition?.kind !== 'binary' || condition.attrs.fn !== 'gt' || condition.operands[0] !== then) return undefined;
  const zero = condition.operands[1];
  if (zero === undefined || constants.get(zero)?.[0] !== 0 || sum?.kind !== 'sum') return undefined;
  const term = sum.operands[0] === undefined ? undefined : made.get(sum.operands[0]);
  const square = term?.kind === 'binary' && term.attrs.fn === 'mul' && term.operands[0] === term.operands[1];
  const degree = degrees.get(then);
  return square && degree !== undefined ? () => degree : undefined;
}

function plainDegrees(op: Op, degrees: Degrees, constants: Constants): (result: number) => Degree {
  const all = op.operands.map((id) => degrees.get(id));
  if (all.includes('mixed')) return () => 'mixed';
  const of = all.map((degree) => (degree === 'mixed' ? undefined : degree));
  if (op.kind === 'attend') {
    const [q = 0, k = 0, v = 0, ...captures] = of;
    const scores = q === 0 && k === 0 && captures.every((degree) => (degree ?? 0) === 0);
    return (result) => (!scores ? 'mixed' : result === 0 ? v : 0);
  }
  const degree = degreeOf(op, of, constants);
  return () => degree;
}

/** `of`: the degrees of the operands, undefined for those that do not depend on the start. */
function degreeOf(op: Op, of: readonly (number | undefined)[], constants: Constants): Degree {
  const invariant: Degree = of.every((degree) => (degree ?? 0) === 0) ? 0 : 'mixed';
  switch (op.kind) {
    case 'unary': {
      const factor = HOMOGENEOUS[op.attrs.fn];
      return factor === undefined ? invariant : (of[0] ?? 0) * factor;
    }
    case 'binary':
      return binaryDegree(op, of, constants) ?? invariant;
    case 'where':
      return (of[0] ?? 0) === 0 ? (common(op.operands.slice(1), of.slice(1), constants) ?? invariant) : 'mixed';
    case 'stack':
      return common(op.operands, of, constants) ?? invariant;
    case 'contract': {
      const sums = op.attrs.terms.map((_, i) => (of[2 * i] ?? 0) + (of[2 * i + 1] ?? 0));
      return sums.every((sum) => sum === sums[0]) ? (sums[0] ?? 0) : 'mixed';
    }
    case 'cast':
      return op.attrs.to === 'float' ? (of[0] ?? 0) : invariant;
    case 'gather':
    case 'scatter_add':
      return (of[1] ?? 0) === 0 ? (of[0] ?? 0) : 'mixed';
    case 'recur':
      return (of[0] ?? 0) === 0 ? (of[1] ?? 0) : 'mixed';
    case 'argmax':
      return 0;
    case 'expand':
    case 'rename':
    case 'split':
    case 'merge':
    case 'permute':
    case 'slice':
    case 'pad':
    case 'pick':
    case 'sum':
    case 'max':
    case 'stop_gradient':
    case 'step_total':
      return of[0] ?? 0;
    default:
      return invariant;
  }
}

function binaryDegree(
  op: Extract<Op, { kind: 'binary' }>,
  of: readonly (number | undefined)[],
  constants: Constants,
): Degree | undefined {
  const { fn } = op.attrs;
  const [a, b] = of;
  if (fn === 'mul') return (a ?? 0) + (b ?? 0);
  if (fn === 'div') return (a ?? 0) - (b ?? 0);
  if (fn === 'pow') {
    const exponent = op.operands[1] === undefined ? undefined : constants.get(op.operands[1])?.[0];
    return b === undefined && exponent !== undefined && a !== undefined ? a * exponent : undefined;
  }
  if (SUMS.includes(fn)) return common(op.operands, of, constants);
  return COMPARISONS.includes(fn) && common(op.operands, of, constants) !== undefined ? 0 : undefined;
}

/** The degree that all operands have, those aside that count as nothing. */
function common(
  operands: readonly ValueId[],
  of: readonly (number | undefined)[],
  constants: Constants,
): number | undefined {
  const counted = operands.flatMap((id, i) => {
    const degree = of[i];
    const nothing = degree === undefined && constants.get(id)?.every((value) => Math.abs(value) <= TINY);
    return nothing ? [] : [degree ?? 0];
  });
  return counted.every((degree) => degree === counted[0]) ? counted[0] : undefined;
}
