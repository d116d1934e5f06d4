/** Attention by online softmax on matrix units; see `attend.ts` for the method and `attend-fragments.ts` for the layout. */
import type { OpOf } from '../ir/graph.ts';
import type { Kernel } from '../ir/kernel.ts';
import { binary, f32, unary } from '../ir/kernel-expr.ts';
import type { OpRegion } from '../ir/region.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import { maskBounds } from '../ops/mask-bounds.ts';
import { range } from '../support/range.ts';
import { bringRows, broughtRows, inTurn, overBrought, rowTile } from './attend-bring.ts';
import { finishAttend } from './attend-finish.ts';
import {
  addWeighted,
  beginResults,
  columnsOf,
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
import { attendParts } from './attend-parts.ts';
import { exponentOf, MASKED, writeScore } from './attend-score.ts';
import type { LowerContext } from './context.ts';
import { makeEmitter } from './element.ts';
import { add } from './index-math.ts';
import { makeWriter } from './writer.ts';

export function lowerAttendMatrix(
  context: LowerContext,
  region: OpRegion,
  op: OpOf<'attend'>,
  tile: AttendTile,
): Kernel {
  const writer = makeWriter(context);
  const parts = attendParts(context, op);
  const { over, outer, captures, head, value } = parts;
  const reads = new Set(region.reads);
  const emitter = makeEmitter(writer, { reads });
  const beyond = { query: false, key: over.size % tile.block !== 0 };
  const scores = writeScore({ writer, op, captures, reads, over, outer, beyond }, undefined);

  const own = ownTile(writer, tile, 'query', over, outer);
  const q = rowTile(writer, tile, parts.q, head, ownRowsOf(tile), tile.head);
  const k = rowTile(writer, tile, parts.k, head, tile.block, tile.head, tile.turns);
  const v = rowTile(writer, tile, parts.v, value, tile.block, tile.value, tile.turns);
  bringRows(emitter, own, q, own.first, own.outer);
  const weighted = beginResults(writer, own, 'weighted', tile.value);
  const slots = slotsOf(tile);
  const largest = writer.array(
    'largest',
    'f32',
    range(slots).map(() => f32(MASKED)),
  );
  const total = writer.array('total', 'f32', slots);

  const { behind, ahead } = maskBounds(op.attrs);
  const others = broughtRows(emitter, own, 'key', { before: behind, after: ahead }, [k, v], [q]);
  overBrought(writer, own, others, (start, turn) => {
    const weights = multiplyRows(writer, own, 'weight', q, inTurn(k, turn));
    eachRow(writer, own, (slot) => {
      const { at: query } = rowOf(own, slot);
      const seen = writer.var('seen', largest.at(slot));
      eachElement(writer, own, slot, squaresOf(tile), (element, column) => {
        const { exponent } = exponentOf(writer, op.attrs, scores, {
          ...{ query, key: add(start, column), outer: own.outerAt },
          product: weights.at(element),
        });
        const scored = writer.let('score', exponent);
        weights.assign(element, scored);
        writer.assign(seen, binary('max', seen.value, scored));
      });
      const next = overRow(writer, own, 'next_largest', seen.value, 'max');
      const decay = writer.let('decay', unary('exp2', binary('sub', largest.at(slot), next)));
      largest.assign(slot, next);
      total.assign(slot, binary('mul', total.at(slot), decay));
      eachElement(writer, own, slot, squaresOf(tile), (element) => {
        const weight = writer.let('weight', unary('exp2', binary('sub', weights.at(element), next)));
        weights.assign(element, weight);
        total.assign(slot, binary('add', total.at(slot), weight));
      });
      eachElement(writer, own, slot, columnsOf(own, tile.value), (element) =>
        weighted.assign(element, binary('mul', weighted.at(element), decay)),
      );
    });
    addWeighted(writer, own, 'weights', weights, inTurn(v, turn), weighted);
  });

  eachRow(writer, own, (slot) => total.assign(slot, overRow(writer, own, 'sum', total.at(slot), 'add')));
  const [result, logsumexp] = op.results;
  const isStored = (id: number): boolean => region.roots.some((root) => root === id);
  if (logsumexp && isStored(logsumexp.id))
    storeOfRow(emitter, own, logsumexp.id, (slot) => {
      const power = binary('mul', largest.at(slot), f32(Math.fround(Math.LN2)));
      return writer.let('log_sum', binary('add', power, unary('log', total.at(slot))));
    });
  if (result && isStored(result.id)) {
    // One division for all columns.
    eachRow(writer, own, (slot) => total.assign(slot, binary('div', f32(1), total.at(slot))));
    storeResults(emitter, own, result.id, value, tile.value, weighted, (element, slot) =>
      binary('mul', element, total.at(slot)),
    );
  }
  const spread = spreadOver(tile, over, 'queries', elementsOf(outer));
  return finishAttend(writer, region, op, parts, spread, { head: 1, value: 1 });
}
