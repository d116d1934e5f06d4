/**
 * Attention, forward: online softmax.
 *
 * An invocation owns four queries. For each block of keys it computes the scores and the largest one so far; what was
 * summed before is scaled down to that, so that no exponential overflows and no score is kept (Milakov and Gimelshein,
 * arXiv 1805.02867; Dao et al., arXiv 2205.14135). Keys that no query of the workgroup can see are not looked at.
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
import { attendParts } from './attend-parts.ts';
import { addRows, dots, fourOf, loadRows, ownRows, spreadInFours, storeFour, storeRows } from './attend-rows.ts';
import { MASKED, writeScore } from './attend-score.ts';
import type { LowerContext } from './context.ts';
import { makeEmitter } from './element.ts';
import { makeWriter } from './writer.ts';

export function lowerAttend(context: LowerContext, region: OpRegion, op: OpOf<'attend'>): Kernel {
  const writer = makeWriter(context);
  const parts = attendParts(context, op);
  const { over, outer, captures, head, value } = parts;
  const reads = new Set(region.reads);
  const emitter = makeEmitter(writer, { reads });
  const beyond = { query: false, key: over.size % blockOf(context.limits, op, over) !== 0 };
  const { score } = writeScore({ writer, op, captures, reads, over, outer, beyond }, undefined);

  const queries = ownRows(writer, 'query', over, outer);
  const q = loadRows(emitter, parts.q, queries.envs, head, op.attrs.scale);
  const o = writer.array('weighted', 'vec4', elementsOf(value));
  const largest = writer.var('largest', vector([f32(MASKED)]));
  const total = writer.var('total', vector([f32(0)]));

  const { behind, ahead } = maskBounds(op.attrs);
  const reach = { before: behind, after: ahead };
  forBlocks(writer, 'key', op, { over, own: queries, outside: queries.outer, reach }, (keys) => {
    const product = dots(emitter, 'product', q, parts.k, keys, head);
    const scores = keys.values('score', (n) => {
      const ofQuery = (c: number): Expr => present(queries.rows[c], 'query');
      return fourOf((c) => score(ofQuery(c), keys.at(n), component(product(n), c), queries.outerAt));
    });
    const most = keys.fold('most', largest.value, (before, n) => binary('max', before, scores(n)));
    const next = writer.let('next_largest', most);
    const decay = writer.let('decay', unary('exp', binary('sub', largest.value, next)));
    const weights = keys.values('weight', (n) => unary('exp', binary('sub', scores(n), next)));
    writer.assign(largest, next);
    const scaled = binary('mul', total.value, decay);
    writer.assign(
      total,
      keys.fold('sum', scaled, (before, n) => binary('add', before, weights(n))),
    );
    addRows(emitter, o, parts.v, keys, weights, value, decay);
  });

  const [result, logsumexp] = op.results;
  const isStored = (id: number): boolean => region.roots.some((root) => root === id);
  if (result && isStored(result.id))
    storeRows(emitter, result.id, queries, value, (at) => binary('div', o.at(at), total.value));
  if (logsumexp && isStored(logsumexp.id)) {
    const sum = writer.let('log_sum', binary('add', largest.value, unary('log', total.value)));
    storeFour(emitter, logsumexp.id, queries, new Map(), sum);
  }
  const spread = spreadInFours(context.limits, over, 'queries', elementsOf(outer));
  return finishAttend(writer, region, op, parts, spread, { head: 1, value: 1 });
}
