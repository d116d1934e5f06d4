/** The gradient of the queries, and delta, on matrix units; the formulas are those of `attend-backward-query.ts`. */
import type { OpOf } from '../ir/graph.ts';
import type { Kernel } from '../ir/kernel.ts';
import { binary, f32, u32, unary } from '../ir/kernel-expr.ts';
import type { OpRegion } from '../ir/region.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import { maskBounds } from '../ops/mask-bounds.ts';
import { bringRows, broughtRows, inTurn, overBrought, rowTile } from './attend-bring.ts';
import { finishAttend } from './attend-finish.ts';
import {
  addWeighted,
  beginResults,
  eachElement,
  eachRow,
  multiplyRows,
  overRow,
  rowOf,
  slotsOf,
  spreadOver,
  storeOfRow,
  storeResults,
} from './attend-fragments.ts';
import { type AttendTile, ownRowsOf, squaresOf } from './attend-matrix-tile.ts';
import { ownTile } from './attend-own.ts';
import { attendParts, otherOperand } from './attend-parts.ts';
import { contextWithSlope, exponentOf, LOG2_E, writeScore } from './attend-score.ts';
import type { LowerContext } from './context.ts';
import { makeEmitter } from './element.ts';
import { add, indicesAt, mod } from './index-math.ts';
import { makeWriter } from './writer.ts';

export function lowerAttendMatrixQuery(
  outerContext: LowerContext,
  region: OpRegion,
  op: OpOf<'attend_backward_query'>,
  tile: AttendTile,
): Kernel {
  const { context, scored } = contextWithSlope(outerContext, op);
  const writer = makeWriter(context);
  const parts = attendParts(context, op);
  const { over, outer, captures, head, value } = parts;
  const [output, logsumexp, gradient] = [otherOperand(parts, 0), otherOperand(parts, 1), otherOperand(parts, 2)];
  const reads = new Set(region.reads);
  const emitter = makeEmitter(writer, { reads });
  const beyond = { query: false, key: over.size % tile.block !== 0 };
  const scores = writeScore({ writer, op, captures, reads, over, outer, beyond }, scored);
  const scale = f32(Math.fround(op.attrs.scale));

  const own = ownTile(writer, tile, 'query', over, outer);
  const q = rowTile(writer, tile, parts.q, head, ownRowsOf(tile), tile.head);
  const upstream = rowTile(writer, tile, gradient, value, ownRowsOf(tile), tile.value);
  const k = rowTile(writer, tile, parts.k, head, tile.block, tile.head, tile.turns);
  const v = rowTile(writer, tile, parts.v, value, tile.block, tile.value, tile.turns);
  bringRows(emitter, own, q, own.first, own.outer);
  bringRows(emitter, own, upstream, own.first, own.outer);
  const dq = beginResults(writer, own, 'gradient', tile.head);
  const logSum = writer.array('log_sum', 'f32', slotsOf(tile));
  const delta = writer.array('delta', 'f32', slotsOf(tile));
  eachRow(writer, own, (slot) => {
    const { env } = rowOf(own, slot);
    logSum.assign(slot, binary('mul', emitter.element(logsumexp, env), f32(LOG2_E)));
    const sum = writer.var('part', f32(0));
    const size = elementsOf(value);
    const step = { from: mod(own.member, 4), step: u32(4), max: size - 1 };
    writer.loop(
      'place',
      size,
      (place) => {
        const at = new Map([...env, ...indicesAt(place, value)]);
        const product = binary('mul', emitter.element(output, at), emitter.element(gradient, at));
        writer.assign(sum, binary('add', sum.value, product));
      },
      step,
    );
    delta.assign(slot, overRow(writer, own, 'sum', sum.value, 'add'));
  });

  const { behind, ahead } = maskBounds(op.attrs);
  const others = broughtRows(emitter, own, 'key', { before: behind, after: ahead }, [k, v], [q, upstream]);
  overBrought(writer, own, others, (start, turn) => {
    const products = multiplyRows(writer, own, 'product', q, inTurn(k, turn));
    const ofWeights = multiplyRows(writer, own, 'of_weight', upstream, inTurn(v, turn));
    eachRow(writer, own, (slot) => {
      const { at: query } = rowOf(own, slot);
      eachElement(writer, own, slot, squaresOf(tile), (element, column) => {
        const key = add(start, column);
        const pair = { query, key, outer: own.outerAt, product: products.at(element) };
        const { exponent, slope } = exponentOf(writer, op.attrs, scores, pair, logSum.at(slot));
        const weight = unary('exp2', exponent);
        const ofScore = binary('mul', weight, binary('sub', ofWeights.at(element), delta.at(slot)));
        products.assign(element, slope ? binary('mul', ofScore, slope) : ofScore);
      });
    });
    addWeighted(writer, own, 'of_scores', products, inTurn(k, turn), dq);
  });

  const [result, deltas] = op.results;
  if (result) storeResults(emitter, own, result.id, head, tile.head, dq, (element) => binary('mul', element, scale));
  if (deltas) storeOfRow(emitter, own, deltas.id, (slot) => delta.at(slot));
  const spread = spreadOver(tile, over, 'queries', elementsOf(outer));
  return finishAttend(writer, region, op, parts, spread, { head: 2, value: 1 });
}
