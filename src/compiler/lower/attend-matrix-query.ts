/** The gradient of the queries, and delta, on matrix units; the formulas are those of `attend-backward-query.ts`. */
import type { OpOf } from '../ir/graph.ts';
import type { Kernel } from '../ir/kernel.ts';
import { binary, f32, u32, unary } from '../ir/kernel-expr.ts';
import type { OpRegion } from '../ir/region.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import { maskBounds } from '../ops/mask-bounds.ts';
import { overBlocks } from './attend-blocks.ts';
import { finishAttend } from './attend-finish.ts';
import {
  addWeighted,
  beginResults,
  bringRows,
  eachElement,
  eachRow,
  multiplyRows,
  overRow,
  ownTile,
  rowOf,
  rowTile,
  slotsOf,
  spreadOver,
  storeOfRow,
  storeResults,
} from './attend-fragments.ts';
import { type AttendTile, ownRowsOf, squaresOf } from './attend-matrix-tile.ts';
import { attendParts, otherOperand } from './attend-parts.ts';
import { contextWithSlope, writeScore } from './attend-score.ts';
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
  const { score, slope } = writeScore({ writer, op, captures, reads, over, outer, beyond }, scored);
  const scale = f32(Math.fround(op.attrs.scale));

  const own = ownTile(writer, tile, 'query', over, outer);
  const q = rowTile(writer, tile, parts.q, head, ownRowsOf(tile), tile.head);
  const upstream = rowTile(writer, tile, gradient, value, ownRowsOf(tile), tile.value);
  const k = rowTile(writer, tile, parts.k, head, tile.block, tile.head);
  const v = rowTile(writer, tile, parts.v, value, tile.block, tile.value);
  bringRows(emitter, own, q, own.first, own.outer);
  bringRows(emitter, own, upstream, own.first, own.outer);
  const dq = beginResults(writer, own, 'gradient', tile.head);
  const logSum = writer.array('log_sum', 'f32', slotsOf(tile));
  const delta = writer.array('delta', 'f32', slotsOf(tile));
  eachRow(writer, own, (slot) => {
    const { env } = rowOf(own, slot);
    logSum.assign(slot, emitter.element(logsumexp, env));
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
  overBlocks(writer, 'key', over, own, { before: behind, after: ahead }, tile.block, (start) => {
    bringRows(emitter, own, k, start, own.outer);
    bringRows(emitter, own, v, start, own.outer);
    writer.barrier();
    const products = multiplyRows(writer, own, 'product', q, k);
    const ofWeights = multiplyRows(writer, own, 'of_weight', upstream, v);
    eachRow(writer, own, (slot) => {
      const { at: query } = rowOf(own, slot);
      eachElement(writer, own, slot, squaresOf(tile), (element, column) => {
        const key = add(start, column);
        const s = writer.let('scaled', binary('mul', products.at(element), scale));
        const exponent = binary('sub', score(query, key, s, own.outerAt), logSum.at(slot));
        const change = binary('sub', ofWeights.at(element), delta.at(slot));
        const ofScore = binary('mul', unary('exp', exponent), change);
        products.assign(element, slope ? binary('mul', ofScore, slope(query, key, s, own.outerAt)) : ofScore);
      });
    });
    addWeighted(writer, own, 'of_scores', products, k, dq);
    writer.barrier();
  });

  const [result, deltas] = op.results;
  if (result) storeResults(emitter, own, result.id, head, tile.head, dq, (element) => binary('mul', element, scale));
  if (deltas) storeOfRow(emitter, own, deltas.id, (slot) => delta.at(slot));
  const spread = spreadOver(tile, over, 'queries', elementsOf(outer));
  return finishAttend(writer, region, op, parts, spread, { head: 2, value: 1 });
}
