/**
 * The gradient of the queries, and delta.
 *
 * The softmax weights come back from the logsumexp: p = exp(score - logsumexp). With delta = sum of o * do, the gradient
 * of the scaled product is p * (do . v - delta) * score'(s), and that of q its sum over keys times k (Dao et al., arXiv
 * 2205.14135, algorithm 4). An invocation owns four queries, as in the forward kernel.
 */
import type { OpOf } from '../ir/graph.ts';
import type { Expr, Kernel } from '../ir/kernel.ts';
import { binary, component, f32, unary, vector } from '../ir/kernel-expr.ts';
import type { OpRegion } from '../ir/region.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import { maskBounds } from '../ops/mask-bounds.ts';
import { present } from '../support/invariant.ts';
import { blockOf, forBlocks } from './attend-blocks.ts';
import { finishAttend } from './attend-finish.ts';
import { attendParts, otherOperand } from './attend-parts.ts';
import {
  addRows,
  dots,
  fourOf,
  loadRows,
  overDims,
  ownRows,
  spreadInFours,
  storeFour,
  storeRows,
} from './attend-rows.ts';
import { contextWithSlope, writeScore } from './attend-score.ts';
import type { LowerContext } from './context.ts';
import { makeEmitter } from './element.ts';
import { makeWriter } from './writer.ts';

export function lowerAttendBackwardQuery(
  outerContext: LowerContext,
  region: OpRegion,
  op: OpOf<'attend_backward_query'>,
): Kernel {
  const { context, scored } = contextWithSlope(outerContext, op);
  const writer = makeWriter(context);
  const parts = attendParts(context, op);
  const { over, outer, captures, head, value } = parts;
  const [output, logsumexp, gradient] = [0, 1, 2].map((i) => otherOperand(parts, i));
  const reads = new Set(region.reads);
  const emitter = makeEmitter(writer, { reads });
  const beyond = { query: false, key: over.size % blockOf(context.limits, op, over) !== 0 };
  const { score, slope } = writeScore({ writer, op, captures, reads, over, outer, beyond }, scored);

  const queries = ownRows(writer, 'query', over, outer);
  const q = loadRows(emitter, parts.q, queries.envs, head, op.attrs.scale);
  const upstream = loadRows(emitter, present(gradient, 'gradient of o'), queries.envs, value);
  const dq = writer.array('gradient', 'vec4', elementsOf(head));
  const delta = writer.var('delta', vector([f32(0)]));
  overDims(writer, value, (at, env) => {
    const own = fourOf((c) =>
      emitter.element(present(output, 'o'), new Map([...present(queries.envs[c], 'query'), ...env])),
    );
    writer.assign(delta, binary('add', delta.value, binary('mul', own, upstream.at(at))));
  });
  const logSum = writer.let(
    'log_sum',
    fourOf((c) => emitter.element(present(logsumexp, 'logsumexp'), present(queries.envs[c], 'query'))),
  );

  const { behind, ahead } = maskBounds(op.attrs);
  const reach = { before: behind, after: ahead };
  forBlocks(writer, 'key', op, { over, own: queries, outside: queries.outer, reach }, (keys) => {
    const product = dots(emitter, 'product', q, parts.k, keys, head);
    const ofWeight = dots(emitter, 'of_weight', upstream, parts.v, keys, value);
    const ofScores = keys.values('of_score', (n) => {
      const ofQuery = (c: number): Expr => present(queries.rows[c], 'query');
      const at4 = (fn: typeof score): Expr =>
        fourOf((c) => fn(ofQuery(c), keys.at(n), component(product(n), c), queries.outerAt));
      const weight = unary('exp', binary('sub', at4(score), logSum));
      const ofScore = binary('mul', weight, binary('sub', ofWeight(n), delta.value));
      return slope ? binary('mul', ofScore, at4(slope)) : ofScore;
    });
    addRows(emitter, dq, parts.k, keys, ofScores, head);
  });

  const [result, deltas] = op.results;
  const scale = f32(Math.fround(op.attrs.scale));
  if (result) storeRows(emitter, result.id, queries, head, (at) => binary('mul', dq.at(at), scale));
  if (deltas) storeFour(emitter, deltas.id, queries, new Map(), delta.value);
  const spread = spreadInFours(context.limits, over, 'queries', elementsOf(outer));
  return finishAttend(writer, region, op, parts, spread, { head: 2, value: 1 });
}
