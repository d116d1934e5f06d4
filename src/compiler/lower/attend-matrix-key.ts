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
import { bringNumber, bringRows, inTurn, overBrought, type RowTile, rowTile } from './attend-bring.ts';
import { finishAttend } from './attend-finish.ts';
import {
  addWeighted,
  beginResults,
  eachElement,
  eachRow,
  multiplyRows,
  rowOf,
  spreadOver,
  storeResults,
} from './attend-fragments.ts';
import { type KeyPart, keyParts } from './attend-key-parts.ts';
import { type AttendTile, lanesOf, ownRowsOf, squaresOf } from './attend-matrix-tile.ts';
import { ownTile, tilesOver } from './attend-own.ts';
import { type AttendParts, attendParts, otherOperand } from './attend-parts.ts';
import { overDims } from './attend-rows.ts';
import { contextWithSlope, exponentOf, LOG2_E, type ScoreFunctions, writeScore } from './attend-score.ts';
import type { LowerContext } from './context.ts';
import { type Emitter, makeEmitter } from './element.ts';
import { add, atMost, mul, rowMajor } from './index-math.ts';
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
    q: rowTile(writer, tile, parts.q, head, tile.block, tile.head, tile.turns),
    gradient: rowTile(writer, tile, otherOperand(parts, 2), value, tile.block, tile.value, tile.turns),
    logSum: writer.shared('log_sum', 'f32', tile.turns * tile.block),
    delta: writer.shared('delta', 'f32', tile.turns * tile.block),
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
    const bring = (start: Expr, turn: Expr): void => {
      bringRows(emitter, own, inTurn(memory.q, turn), start, outside);
      bringRows(emitter, own, inTurn(memory.gradient, turn), start, outside);
      const ofQuery = (at: Expr): void => {
        const env = new Map([...outside, [over.id, atMost(add(start, at), over.size - 1)] as const]);
        const to = add(mul(turn, tile.block), at);
        bringNumber(emitter, memory.q, memory.logSum, to, logsumexp, env);
        if (dk) bringNumber(emitter, memory.q, memory.delta, to, delta, env);
      };
      const step = { from: own.lane, step: u32(lanesOf(tile)), max: tile.block - 1 };
      writer.loop('query', tile.block, ofQuery, step);
    };
    const tiles = [memory.q, memory.gradient];
    const reach = { before: ahead, after: behind };
    const others = { wish: 'query', reach, tiles, own: dk ? [memory.k, memory.v] : [memory.k], bring };
    overBrought(writer, own, others, (start, turn) => {
      const [q, gradient] = [inTurn(memory.q, turn), inTurn(memory.gradient, turn)];
      const weights = multiplyRows(writer, own, 'weight', memory.k, q);
      const ofWeights = dk && multiplyRows(writer, own, 'of_weight', memory.v, gradient);
      eachRow(writer, own, (slot) => {
        const { at: key } = rowOf(own, slot);
        eachElement(writer, own, slot, squaresOf(tile), (element, column) => {
          const query = add(start, column);
          const at = add(mul(turn, tile.block), column);
          const logSum = binary('mul', shared(memory.logSum, at), f32(LOG2_E));
          const pair = { query, key, outer: outerAt, product: weights.at(element) };
          const { exponent, slope } = exponentOf(writer, op.attrs, scores, pair, logSum);
          const weight = writer.let('weight', unary('exp2', exponent));
          weights.assign(element, weight);
          if (!ofWeights) return;
          const change = binary('sub', ofWeights.at(element), shared(memory.delta, at));
          const ofScore = binary('mul', weight, change);
          ofWeights.assign(element, slope ? binary('mul', ofScore, slope) : ofScore);
        });
      });
      if (dv) addWeighted(writer, own, 'weights', weights, gradient, dv);
      if (dk && ofWeights) addWeighted(writer, own, 'of_scores', ofWeights, q, dk);
    });
  });

  if (dk && part.ofKeys !== undefined) {
    storeResults(emitter, own, part.ofKeys, head, tile.head, dk, (element) => binary('mul', element, scale));
  }
  if (dv && part.ofValues !== undefined)
    storeResults(emitter, own, part.ofValues, value, tile.value, dv, (element) => element);
}
