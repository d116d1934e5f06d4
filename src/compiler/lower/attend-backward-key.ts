/**
 * The gradients of the keys and values.
 *
 * An invocation owns four keys and goes through the queries that see them, and through all groups of queries that share
 * them, so that no two invocations add to one gradient. The formulas are those of the queries' gradient; see there.
 */
import type { OpOf, ValueId } from '../ir/graph.ts';
import type { Expr, Kernel } from '../ir/kernel.ts';
import { binary, builtin, component, f32, lt, u32, unary, vector } from '../ir/kernel-expr.ts';
import type { OpRegion } from '../ir/region.ts';
import { axesWithout, elementsOf } from '../ir/tensor-type.ts';
import { maskBounds } from '../ops/mask-bounds.ts';
import { present } from '../support/invariant.ts';
import { blockOf, forBlocks } from './attend-blocks.ts';
import { finishAttend } from './attend-finish.ts';
import { type KeyPart, keyParts } from './attend-key-parts.ts';
import { type AttendParts, attendParts, otherOperand } from './attend-parts.ts';
import {
  adding,
  addRows,
  dots,
  dotsOf,
  fourOf,
  lanesOver,
  loadRows,
  overDims,
  overRows,
  ownRows,
  spreadInFours,
  storeRows,
  tilesOver,
} from './attend-rows.ts';
import { contextWithSlope, type ScoreFunctions, writeScore } from './attend-score.ts';
import type { LowerContext } from './context.ts';
import { makeEmitter } from './element.ts';
import { rowMajor } from './index-math.ts';
import { indexAt } from './movement.ts';
import { type Env, type KernelWriter, makeWriter } from './writer.ts';

type Op = OpOf<'attend_backward_key'>;

export function lowerAttendBackwardKey(outerContext: LowerContext, region: OpRegion, op: Op): Kernel {
  const { context, scored } = contextWithSlope(outerContext, op);
  const writer = makeWriter(context);
  const parts = attendParts(context, op);
  const { over, outer, captures } = parts;
  const reads = new Set(region.reads);
  const beyond = { query: over.size % blockOf(context.limits, op, over) !== 0, key: false };
  const scores = writeScore({ writer, op, captures, reads, over, outer, beyond }, scored);
  const job: Job = { writer, reads, op, parts, scores };

  const [first, second] = keyParts(op, parts);
  const tiles = tilesOver(lanesOver(context.limits), over) * elementsOf(first.outer);
  const group = builtin('group');
  if (second === undefined) writePart(job, first, group);
  else {
    const rest = (): void => writePart(job, second, binary('sub', group, u32(tiles)));
    writer.when(lt(group, u32(tiles)), () => writePart(job, first, builtin('group')), rest);
  }
  const batches = elementsOf(first.outer) + (second ? elementsOf(second.outer) : 0);
  const spread = spreadInFours(context.limits, over, 'keys', batches);
  return finishAttend(writer, region, op, parts, spread, { head: second ? 3 : 2, value: 2 });
}

interface Job {
  readonly writer: KernelWriter;
  readonly reads: ReadonlySet<ValueId>;
  readonly op: Op;
  readonly parts: AttendParts;
  readonly scores: ScoreFunctions;
}

function writePart({ writer, reads, op, parts, scores }: Job, part: KeyPart, place: Expr): void {
  const { over, outer, head, value } = parts;
  const { score, slope } = scores;
  const [logsumexp, delta, gradient] = [otherOperand(parts, 0), otherOperand(parts, 1), otherOperand(parts, 2)];
  const emitter = makeEmitter(writer, { reads });
  const keys = ownRows(writer, 'key', over, part.outer, place);
  const dk = part.ofKeys === undefined ? undefined : writer.array('key_gradient', 'vec4', elementsOf(head));
  const dv = part.ofValues === undefined ? undefined : writer.array('value_gradient', 'vec4', elementsOf(value));

  const { behind, ahead } = maskBounds(op.attrs);
  const reach = { before: ahead, after: behind };
  overDims(writer, axesWithout(outer, part.outer), (_, sharing) => {
    const own = keys.envs.map((env): Env => new Map([...env, ...sharing]));
    const k = loadRows(emitter, parts.k, own, head, op.attrs.scale);
    const v = dk && loadRows(emitter, parts.v, own, value);
    const outside: Env = new Map([...keys.outer, ...sharing]);
    const position = rowMajor(outer, (axis) => indexAt(outside, axis.id));
    const outerAt = scores.readsOuter ? writer.let('place', position) : position;
    forBlocks(writer, 'query', op, { over, own: keys, outside, reach }, (queries) => {
      const product = dots(emitter, 'product', k, parts.q, queries, head);
      const pairs = (fn: typeof score, n: Expr): Expr =>
        fourOf((c) => fn(queries.at(n), present(keys.rows[c], 'key'), component(product(n), c), outerAt));
      const weights = queries.values('weight', (n) => {
        const logSum = vector([emitter.element(logsumexp, queries.envOf(n))]);
        return unary('exp', binary('sub', pairs(score, n), logSum));
      });
      // What the values gain and what the weights are worth both need the rows of the gradient.
      const ofWeight = v && dotsOf(writer, 'of_weight', v, queries);
      const gains = dv ? [adding(dv, queries, weights)] : [];
      overRows(emitter, gradient, queries, value, [...(ofWeight ? [ofWeight.take] : []), ...gains]);
      if (!dk || !ofWeight) return;
      const ofScores = queries.values('of_score', (n) => {
        const change = binary('sub', ofWeight.sums(n), emitter.element(delta, queries.envOf(n)));
        const ofScore = binary('mul', weights(n), change);
        return slope ? binary('mul', ofScore, pairs(slope, n)) : ofScore;
      });
      addRows(emitter, dk, parts.q, queries, ofScores, head);
    });
  });

  const scale = f32(Math.fround(op.attrs.scale));
  if (dk && part.ofKeys !== undefined) {
    storeRows(emitter, part.ofKeys, keys, head, (at) => binary('mul', dk.at(at), scale));
  }
  if (dv && part.ofValues !== undefined) storeRows(emitter, part.ofValues, keys, value, (at) => dv.at(at));
}
