/** The score of one query and one key, as a helper function of an attention kernel. */
import type { Axis, Block, Op, ValueId } from '../ir/graph.ts';
import type { Expr, KernelType } from '../ir/kernel.ts';
import { and, binary, bool, cast, f32, lt, select, u32 } from '../ir/kernel-expr.ts';

import { nextValueId } from '../ir/walk-graph.ts';
import type { AttendOp } from '../ops/attend-shapes.ts';
import { withDerivative } from '../ops/derivative.ts';
import { isAlwaysTrue } from '../ops/mask-bounds.ts';
import { present } from '../support/invariant.ts';
import { extendedContext, type LowerContext } from './context.ts';
import { makeEmitter } from './element.ts';
import { atMost, indicesAt } from './index-math.ts';
import type { KernelWriter } from './writer.ts';

/**
 * Stands for minus infinity, which kernels lack. A row of scores has a real one, so that the exponential of this one less
 * the largest is 0.
 */
export const MASKED = -1e30;

export interface ScoreFunctions {
  /** What the softmax sees for a scaled product `s` of query i and key j, which may lie beyond the last. */
  score(i: Expr, j: Expr, s: Expr, outer: Expr): Expr;
  /** The derivative of that by s; undefined where it is 1. */
  readonly slope: ((i: Expr, j: Expr, s: Expr, outer: Expr) => Expr) | undefined;
  /** Whether they look at `outer`. */
  readonly readsOuter: boolean;
}

export interface ScoreOptions {
  readonly writer: KernelWriter;
  readonly op: AttendOp;
  readonly captures: readonly ValueId[];
  readonly reads: ReadonlySet<ValueId>;
  readonly over: Axis;
  /** The other axes of the scores; `outer` is a position over them. */
  readonly outer: readonly Axis[];
  /** Which of the two may lie beyond the last. */
  readonly beyond: { readonly query: boolean; readonly key: boolean };
}

/** `context` with the derivative of the score beside it, if the score is not s itself. */
export function contextWithSlope(
  context: LowerContext,
  { attrs }: AttendOp,
): { readonly context: LowerContext; readonly scored: Block | undefined } {
  if (isIdentity(attrs.score)) return { context, scored: undefined };
  const scored = withDerivative(attrs.score, nextValueId(context.fused.graph));
  return { context: extendedContext(context, scored.ops), scored };
}

export function isIdentity(score: Block): boolean {
  return score.results[0] === score.params[0]?.id;
}

/** Writes the functions that are needed. `scored`: the score with its derivative. */
export function writeScore(options: ScoreOptions, scored: Block | undefined): ScoreFunctions {
  const { op, beyond } = options;
  const isPlain = isIdentity(op.attrs.score) && isAlwaysTrue(op.attrs.mask) && !beyond.query && !beyond.key;
  const readsOuter = dependsOnOuter(options);
  const call = (fn: string, [i, j, s, outer]: readonly Expr[]): Expr => {
    const args = [i, j, s, ...(readsOuter ? [outer] : [])].map((arg) => present(arg, 'argument'));
    return { kind: 'call', type: 'f32', fn, args };
  };
  const score = isPlain
    ? undefined
    : writeFunction(
        options,
        'score',
        'The score of a key for a query; very low where it is masked.',
        op.attrs.score,
        0,
      );
  const slope =
    scored && writeFunction(options, 'slope', 'The derivative of the score by the scaled product s.', scored, 1);
  return {
    score: (...args) => (score === undefined ? args[2] : call(score, args)),
    slope: slope === undefined ? undefined : (...args) => call(slope, args),
    readsOuter: score !== undefined && readsOuter,
  };
}

/** By which exponents of e become exponents of two, which units raise at once. */
export const LOG2_E = Math.fround(Math.LOG2E);

/** A query and a key, with the product of their rows. */
export interface ScoredPair {
  readonly query: Expr;
  readonly key: Expr;
  readonly product: Expr;
  readonly outer: Expr;
}

/**
 * What two has to be raised to for the weight of a pair, `less` what is given, and the derivative of the score by the scaled product,
 * undefined where it is 1. Where the score is that product itself, one factor scales it and changes the base, and what is masked is
 * so after the difference, which is one operation with the product.
 */
export function exponentOf(
  writer: KernelWriter,
  { scale, score }: AttendOp['attrs'],
  functions: ScoreFunctions,
  { query, key, product, outer }: ScoredPair,
  less: Expr = f32(0),
): { readonly exponent: Expr; readonly slope: Expr | undefined } {
  const isPlain = isIdentity(score);
  const minus = (x: Expr): Expr => (less.kind === 'literal' ? x : binary('sub', x, less));
  const scaled = binary('mul', product, f32(Math.fround(isPlain ? scale * Math.LOG2E : scale)));
  const s = writer.let('scaled', isPlain ? minus(scaled) : scaled);
  const scored = functions.score(query, key, s, outer);
  return {
    exponent: isPlain ? scored : minus(binary('mul', scored, f32(LOG2_E))),
    slope: functions.slope?.(query, key, s, outer),
  };
}

function writeFunction(options: ScoreOptions, name: string, doc: string, block: Block, result: number): string {
  const { writer, op, captures, reads, over, outer, beyond } = options;
  const { mask, key } = op.attrs;
  const params: { readonly name: string; readonly type: KernelType }[] = [
    { name: 'i', type: 'u32' },
    { name: 'j', type: 'u32' },
    { name: 's', type: 'f32' },
    ...(dependsOnOuter(options) ? [{ name: 'outer', type: 'u32' as const }] : []),
  ];
  return writer.fn(name, doc, params, ([query, keyed, s, position]) => {
    const [i, j] = [present(query, 'i'), present(keyed, 'j')];
    const known = new Map<ValueId, (at: ReadonlyMap<Axis['id'], Expr>) => Expr>();
    const define = (values: Block['params'], given: readonly Expr[]): void => {
      values.forEach((param, n) => {
        const capture = captures[n - given.length];
        const value = given[n];
        if (value) known.set(param.id, () => value);
        else if (capture !== undefined) known.set(param.id, (at) => emitter.element(capture, at));
      });
    };
    const emitter = makeEmitter(writer, { reads, known });
    const places = [cast('i32', i), cast('i32', j)];
    define(block.params, [present(s, 's'), ...places]);
    define(mask.params, places);
    const at = new Map([
      ...indicesAt(position ?? u32(0), outer),
      [over.id, atMost(i, over.size - 1)] as const,
      [key.id, atMost(j, over.size - 1)] as const,
    ]);
    const value = emitter.element(present(block.results[result], 'result of a score'), at);
    if (result > 0) return value;
    const inside = and(
      beyond.query ? lt(i, u32(over.size)) : bool(true),
      beyond.key ? lt(j, u32(over.size)) : bool(true),
    );
    const seen = isAlwaysTrue(mask) ? bool(true) : emitter.element(present(mask.results[0], 'mask'), at);
    return select(and(inside, seen), value, f32(MASKED));
  });
}

/** Whether what the blocks compute may differ between positions over the outer axes. */
function dependsOnOuter({ op, captures }: ScoreOptions): boolean {
  if (captures.length > 0) return true;
  const { mask, score } = op.attrs;
  const inside = new Set(
    [mask, score].flatMap(({ params, ops }) => [...params, ...ops.flatMap((o) => o.results)]).map(({ id }) => id),
  );
  const varies = (inner: Op): boolean =>
    inner.kind === 'index' || inner.kind === 'random' || inner.operands.some((id) => !inside.has(id));
  return [...mask.ops, ...score.ops].some(varies);
}
