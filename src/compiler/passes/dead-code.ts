/** Drops what no output needs: ops, and what loops carry, take and give. */
import type { Block, Graph, Op, OpOf, Value, ValueId } from '../ir/graph.ts';
import { resultOf } from '../ir/op-parts.ts';
import { blocksOf } from '../ir/walk-graph.ts';
import { present } from '../support/invariant.ts';

export function dropDeadCode(graph: Graph): Graph {
  const live = new Set(graph.block.results);
  return { ...graph, block: { ...graph.block, ops: liveOps(graph.block.ops, live) } };
}

/** The ops that `live` values need, as small as they can be; adds to `live` what they mention. */
function liveOps(ops: readonly Op[], live: Set<ValueId>): readonly Op[] {
  const kept: Op[] = [];
  for (const op of ops.toReversed()) {
    if (!op.results.some((r) => live.has(r.id))) continue;
    const needed = op.kind === 'loop' ? liveLoop(op, live) : withLiveBlocks(op);
    for (const operand of needed.operands) live.add(operand);
    kept.push(needed);
  }
  return kept.toReversed();
}

function liveBlock(block: Block): Block {
  return { ...block, ops: liveOps(block.ops, new Set(block.results)) };
}

/** Blocks of attention see nothing from outside. */
function withLiveBlocks(op: Op): Op {
  if (blocksOf(op).length === 0 || !('score' in op.attrs)) return op;
  switch (op.kind) {
    case 'attend':
    case 'attend_backward_query':
    case 'attend_backward_key':
      return { ...op, attrs: { ...op.attrs, mask: liveBlock(op.attrs.mask), score: liveBlock(op.attrs.score) } };
    default:
      return op;
  }
}

/** A carried value lives when its final value is needed or an iteration needs it for something that lives. */
function liveLoop(op: OpOf<'loop'>, live: Set<ValueId>): OpOf<'loop'> {
  const { body, carried } = op.attrs;
  const results = new Set(op.results.flatMap((r, i) => (live.has(r.id) ? [i] : [])));
  for (;;) {
    const within = new Set([...results].map((i) => present(body.results[i], 'a result')));
    const ops = liveOps(body.ops, within);
    const more = body.params.flatMap((p, i) => (i < carried && within.has(p.id) && !results.has(i) ? [i] : []));
    if (more.length === 0) return shrink(op, live, ops, results, within);
    for (const i of more) results.add(i);
  }
}

function shrink(
  op: OpOf<'loop'>,
  live: Set<ValueId>,
  ops: readonly Op[],
  results: ReadonlySet<number>,
  within: ReadonlySet<ValueId>,
): OpOf<'loop'> {
  const { body, carried } = op.attrs;
  const takes = (param: Value, i: number): boolean => (i < carried ? results.has(i) : within.has(param.id));
  const own = new Set([...body.params, ...ops.flatMap((o) => o.results)].map((v) => v.id));
  for (const id of within) if (!own.has(id)) live.add(id);
  const gives = [...results].toSorted((a, b) => a - b);
  const kept = {
    params: body.params.filter(takes),
    ops,
    results: gives.map((i) => present(body.results[i], 'a result')),
  };
  return {
    ...op,
    attrs: { ...op.attrs, carried: gives.filter((i) => i < carried).length, body: kept },
    operands: op.operands.filter((_, i) => takes(present(body.params[i], 'a parameter'), i)),
    results: gives.map((i) => resultOf(op, i)),
  };
}
