/**
 * The gradients of the keys and values.
 *
 * An invocation owns four keys and goes through the queries that see them, and through all groups of queries that share
 * them, so that no two invocations add to one gradient. The formulas are those of the queries' gradient; see there.
 */
import type { OpOf } from '../ir/graph.ts';
import type { Expr, Kernel } from '../ir/kernel.ts';
import { binary, component, f32, unary } from '../ir/kernel-expr.ts';
import type { OpRegion } from '../ir/region.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import { present } from '../support/invariant.ts';
import { BLOCK, forBlocks } from './attend-blocks.ts';
import { finishAttend } from './attend-finish.ts';
import { attendParts, otherOperand } from './attend-parts.ts';
import { addRows, dots, fourOf, loadRows, ownRows, storeRows } from './attend-rows.ts';
import { contextWithSlope, writeScore } from './attend-score.ts';
import type { LowerContext } from './context.ts';
import { makeEmitter } from './element.ts';
import { indicesAt, rowMajor } from './index-math.ts';
import { maskBounds } from './mask-bounds.ts';
import { makeWriter } from './writer.ts';

export function lowerAttendBackwardKey(
  outerContext: LowerContext,
  region: OpRegion,
  op: OpOf<'attend_backward_key'>,
): Kernel {
  const { context, scored } = contextWithSlope(outerContext, op);
  const writer = makeWriter(context);
  const parts = attendParts(context, op);
  const { over, outer, keyed, grouped, captures, head, value } = parts;
  const [logsumexp, delta, gradient] = [otherOperand(parts, 0), otherOperand(parts, 1), otherOperand(parts, 2)];
  const reads = new Set(region.reads);
  const emitter = makeEmitter(writer, { reads });
  const beyond = { query: over.size % BLOCK !== 0, key: false };
  const { score, slope } = writeScore({ writer, op, captures, reads, over, outer, beyond }, scored);

  const keys = ownRows(writer, 'key', over, keyed);
  const k = loadRows(emitter, parts.k, keys.envs, head, op.attrs.scale);
  const v = loadRows(emitter, parts.v, keys.envs, value);
  const dk = writer.array('key_gradient', 'vec4', elementsOf(head));
  const dv = writer.array('value_gradient', 'vec4', elementsOf(value));

  const { behind, ahead } = maskBounds(op.attrs);
  const forQueries = (group: ReadonlyMap<(typeof outer)[number]['id'], Expr>): void => {
    const outside = new Map([...keys.outer, ...group]);
    const outerAt = rowMajor(outer, (axis) => present(outside.get(axis.id), `index of ${axis.name}`));
    forBlocks(writer, 'query', over, keys, { before: ahead, after: behind }, (queries) => {
      const rows = queries.map(({ inside }) => new Map([...outside, [over.id, inside] as const]));
      const products = dots(emitter, 'product', k, parts.q, rows, head);
      const ofWeights = dots(emitter, 'of_weight', v, gradient, rows, value);
      const weights = products.map((s, n) => {
        const { at } = present(queries[n], 'query');
        const scores = fourOf((c) => score(at, present(keys.rows[c], 'key'), component(s, c), outerAt));
        const logSum = emitter.element(logsumexp, present(rows[n], 'query'));
        return writer.let(
          `weight_${n}`,
          unary('exp', binary('sub', scores, { kind: 'vector', type: 'vec4', parts: [logSum] })),
        );
      });
      addRows(emitter, dv, gradient, rows, weights, value);
      const gradients = products.map((s, n) => {
        const { at } = present(queries[n], 'query');
        const change = binary(
          'sub',
          present(ofWeights[n], 'gradient of a weight'),
          emitter.element(delta, present(rows[n], 'query')),
        );
        const ofScore = binary('mul', present(weights[n], 'weight'), change);
        const slopes = slope && fourOf((c) => slope(at, present(keys.rows[c], 'key'), component(s, c), outerAt));
        return writer.let(`of_score_${n}`, slopes ? binary('mul', ofScore, slopes) : ofScore);
      });
      addRows(emitter, dk, parts.q, rows, gradients, head);
    });
  };
  if (grouped.length === 0) forQueries(new Map());
  else {
    const wish = grouped.map((axis) => axis.name).join('_');
    writer.loop(wish, elementsOf(grouped), (position) => forQueries(indicesAt(position, grouped)));
  }

  const [ofKeys, ofValues] = op.results;
  const scale = f32(Math.fround(op.attrs.scale));
  if (ofKeys) storeRows(emitter, ofKeys.id, keys, head, (at) => binary('mul', dk.at(at), scale));
  if (ofValues) storeRows(emitter, ofValues.id, keys, value, (at) => dv.at(at));
  return finishAttend(writer, region, op, parts, 'keys', keyed, { head: 2, value: 2 });
}
