/** Attention by online softmax on matrix units; see `attend.ts` for the method and `attend-fragments.ts` for the layout. */
import type { OpOf } from '../ir/graph.ts';
import type { Kernel } from '../ir/kernel.ts';
import { binary, f32, unary } from '../ir/kernel-expr.ts';
import type { OpRegion } from '../ir/region.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import { maskBounds } from '../ops/mask-bounds.ts';
import { overBlocks } from './attend-blocks.ts';
import { finishAttend } from './attend-finish.ts';
import {
  addWeighted,
  beginResults,
  bringRows,
  columnsOf,
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
import { attendParts } from './attend-parts.ts';
import { MASKED, writeScore } from './attend-score.ts';
import type { LowerContext } from './context.ts';
import { makeEmitter } from './element.ts';
import { add } from './index-math.ts';
import { range } from './product-sums.ts';
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
  const { score } = writeScore({ writer, op, captures, reads, over, outer, beyond }, undefined);

  const own = ownTile(writer, tile, 'query', over, outer);
  const q = rowTile(writer, tile, parts.q, head, ownRowsOf(tile), tile.head);
  const k = rowTile(writer, tile, parts.k, head, tile.block, tile.head);
  const v = rowTile(writer, tile, parts.v, value, tile.block, tile.value);
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
  overBlocks(writer, 'key', over, own, { before: behind, after: ahead }, tile.block, (start) => {
    bringRows(emitter, own, k, start, own.outer);
    bringRows(emitter, own, v, start, own.outer);
    writer.barrier();
    const weights = multiplyRows(writer, own, 'weight', q, k);
    eachRow(writer, own, (slot) => {
      const { at: query } = rowOf(own, slot);
      const seen = writer.var('seen', largest.at(slot));
      eachElement(writer, own, slot, squaresOf(tile), (element, column) => {
        const product = binary('mul', weights.at(element), f32(Math.fround(op.attrs.scale)));
        const scored = writer.let('score', score(query, add(start, column), product, own.outerAt));
        weights.assign(element, scored);
        writer.assign(seen, binary('max', seen.value, scored));
      });
      const next = overRow(writer, own, 'next_largest', seen.value, 'max');
      const decay = writer.let('decay', unary('exp', binary('sub', largest.at(slot), next)));
      largest.assign(slot, next);
      total.assign(slot, binary('mul', total.at(slot), decay));
      eachElement(writer, own, slot, squaresOf(tile), (element) => {
        const weight = writer.let('weight', unary('exp', binary('sub', weights.at(element), next)));
        weights.assign(element, weight);
        total.assign(slot, binary('add', total.at(slot), weight));
      });
      eachElement(writer, own, slot, columnsOf(own, tile.value), (element) =>
        weighted.assign(element, binary('mul', weighted.at(element), decay)),
      );
    });
    addWeighted(writer, own, 'weights', weights, v, weighted);
    writer.barrier();
  });

  eachRow(writer, own, (slot) => total.assign(slot, overRow(writer, own, 'sum', total.at(slot), 'add')));
  const [result, logsumexp] = op.results;
  const isStored = (id: number): boolean => region.roots.some((root) => root === id);
  if (result && isStored(result.id))
    storeResults(emitter, own, result.id, value, tile.value, weighted, (element, slot) =>
      binary('div', element, total.at(slot)),
    );
  if (logsumexp && isStored(logsumexp.id))
    storeOfRow(emitter, own, logsumexp.id, (slot) =>
      writer.let('log_sum', binary('add', largest.at(slot), unary('log', total.at(slot)))),
    );
  const spread = spreadOver(tile, over, 'queries', elementsOf(outer));
  return finishAttend(writer, region, op, parts, spread, { head: 1, value: 1 });
}
