/**
 * The gradients of the keys and values on matrix units; the formulas are those of `attend-backward-query.ts`.
 *
 * Own rows are keys, so that squares of sums have the keys as rows: weights and the gradients of scores are fragments of
 * rows at once.
 */
import type { OpOf } from '../ir/graph.ts';
import type { Expr, Kernel } from '../ir/kernel.ts';
import { binary, builtin, f32, lt, u32, unary } from '../ir/kernel-expr.ts';
import type { OpRegion } from '../ir/region.ts';
import { axesWithout, elementsOf } from '../ir/tensor-type.ts';
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
  ownTile,
  type RowTile,
  rowOf,
  rowTile,
  spreadOver,
  storeResults,
  tilesOver,
} from './attend-fragments.ts';
import { type KeyPart, keyParts } from './attend-key-parts.ts';
import { type AttendTile, lanesOf, ownRowsOf, squaresOf } from './attend-matrix-tile.ts';
import { type AttendParts, attendParts, otherOperand } from './attend-parts.ts';
import { overDims } from './attend-rows.ts';
import { contextWithSlope, type ScoreFunctions, writeScore } from './attend-score.ts';
import type { LowerContext } from './context.ts';
import { type Emitter, makeEmitter } from './element.ts';
import { add, atMost, rowMajor } from './index-math.ts';
import { indexAt } from './movement.ts';
import { type Env, type KernelWriter, makeWriter } from './writer.ts';

type Op = OpOf<'attend_backward_key'>;

export function lowerAttendMatrixKey(outerContext: LowerContext, region: OpRegion, op: Op, tile: AttendTile): Kernel {
  const { context, scored } = contextWithSlope(outerContext, op);
  const writer = makeWriter(context);
  const parts = attendParts(context, op);
  const { over, outer, captures } = parts;
  const reads = new Set(region.reads);
  const beyond = { query: over.size % tile.block !== 0, key: false };
  const scores = writeScore({ writer, op, captures, reads, over, outer, beyond }, scored);
  const memory = memoryOf(writer, tile, parts);
  const job: Job = { writer, emitter: makeEmitter(writer, { reads }), op, tile, parts, scores, memory };

  const [first, second] = keyParts(op, parts);
  const tiles = tilesOver(tile, over) * elementsOf(first.outer);
  const group = builtin('group');
  if (second === undefined) writePart(job, first, group);
  else {
    const rest = (): void => writePart(job, second, binary('sub', group, u32(tiles)));
    writer.when(lt(group, u32(tiles)), () => writePart(job, first, builtin('group')), rest);
  }
  const batches = elementsOf(first.outer) + (second ? elementsOf(second.outer) : 0);
  const spread = spreadOver(tile, over, 'keys', batches);
  return finishAttend(writer, region, op, parts, spread, { head: second ? 3 : 2, value: 2 });
}

/** Workgroup memory: own rows of keys and values, and for a block of queries theirs. */
interface Memory {
  readonly k: RowTile;
  readonly v: RowTile;
  readonly q: RowTile;
  readonly gradient: RowTile;
  readonly logSum: string;
  readonly delta: string;
}

function memoryOf(writer: KernelWriter, tile: AttendTile, parts: AttendParts): Memory {
  const { head, value } = parts;
  return {
    k: rowTile(writer, tile, parts.k, head, ownRowsOf(tile), tile.head),
    v: rowTile(writer, tile, parts.v, value, ownRowsOf(tile), tile.value),
    q: rowTile(writer, tile, parts.q, head, tile.block, tile.head),
    gradient: rowTile(writer, tile, otherOperand(parts, 2), value, tile.block, tile.value),
    logSum: writer.shared('log_sum', 'f32', tile.block),
    delta: writer.shared('delta', 'f32', tile.block),
  };
}

interface Job {
  readonly writer: KernelWriter;
  readonly emitter: Emitter;
  readonly op: Op;
  readonly tile: AttendTile;
  readonly parts: AttendParts;
  readonly scores: ScoreFunctions;
  readonly memory: Memory;
}

function writePart({ writer, emitter, op, tile, parts, scores, memory }: Job, part: KeyPart, place: Expr): void {
  const { over, outer, head, value } = parts;
  const { score, slope } = scores;
  const [logsumexp, delta] = [otherOperand(parts, 0), otherOperand(parts, 1)];
  const own = ownTile(writer, tile, 'key', over, part.outer, place);
  const dk = part.ofKeys === undefined ? undefined : beginResults(writer, own, 'key_gradient', tile.head);
  const dv = part.ofValues === undefined ? undefined : beginResults(writer, own, 'value_gradient', tile.value);
  const scale = f32(Math.fround(op.attrs.scale));
  const shared = (array: string, index: Expr): Expr => ({ kind: 'load_shared', type: 'f32', array, index });

  const { behind, ahead } = maskBounds(op.attrs);
  overDims(writer, axesWithout(outer, part.outer), (_, sharing) => {
    const outside: Env = new Map([...own.outer, ...sharing]);
    bringRows(emitter, own, memory.k, own.first, outside);
    if (dk) bringRows(emitter, own, memory.v, own.first, outside);
    const position = rowMajor(outer, (axis) => indexAt(outside, axis.id));
    const outerAt = scores.readsOuter ? writer.let('place', position) : position;
    overBlocks(writer, 'query', over, own, { before: ahead, after: behind }, tile.block, (start) => {
      bringRows(emitter, own, memory.q, start, outside);
      bringRows(emitter, own, memory.gradient, start, outside);
      const ofQuery = (at: Expr): void => {
        const env = new Map([...outside, [over.id, atMost(add(start, at), over.size - 1)] as const]);
        writer.storeShared(memory.logSum, at, emitter.element(logsumexp, env));
        if (dk) writer.storeShared(memory.delta, at, emitter.element(delta, env));
      };
      const step = { from: own.lane, step: u32(lanesOf(tile)), max: tile.block - 1 };
      writer.loop('query', tile.block, ofQuery, step);
      writer.barrier();
      const weights = multiplyRows(writer, own, 'weight', memory.k, memory.q);
      const ofWeights = dk && multiplyRows(writer, own, 'of_weight', memory.v, memory.gradient);
      eachRow(writer, own, (slot) => {
        const { at: key } = rowOf(own, slot);
        eachElement(writer, own, slot, squaresOf(tile), (element, column) => {
          const query = add(start, column);
          const s = writer.let('scaled', binary('mul', weights.at(element), scale));
          const exponent = binary('sub', score(query, key, s, outerAt), shared(memory.logSum, column));
          const weight = writer.let('weight', unary('exp', exponent));
          weights.assign(element, weight);
          if (!ofWeights) return;
          const change = binary('sub', ofWeights.at(element), shared(memory.delta, column));
          const ofScore = binary('mul', weight, change);
          ofWeights.assign(element, slope ? binary('mul', ofScore, slope(query, key, s, outerAt)) : ofScore);
        });
      });
      if (dv) addWeighted(writer, own, 'weights', weights, memory.gradient, dv);
      if (dk && ofWeights) addWeighted(writer, own, 'of_scores', ofWeights, memory.q, dk);
      writer.barrier();
    });
  });

  if (dk && part.ofKeys !== undefined) {
    storeResults(emitter, own, part.ofKeys, head, tile.head, dk, (element) => binary('mul', element, scale));
  }
  if (dv && part.ofValues !== undefined)
    storeResults(emitter, own, part.ofValues, value, tile.value, dv, (element) => element);
}
