/**
 * The form in which ops fuse best, made before regions are:
 * - a view of a product becomes views of its operands: those are free, and the tiles of the product then have the axes of
 *   what is computed from them;
 * - a product of something scaled becomes the scaled product, so that scaling a gradient takes no kernel;
 * - a sum of products that one kernel cannot bind, or whose terms have different tiles, becomes several;
 * - so does a stack of more values than one kernel can bind;
 * - a product with few tiles and a long sum becomes several, and their sum;
 * - a sum of very much to very little is taken in two steps, of which the first has rows to run side by side;
 * - zeros that several sums of loops begin with become several, so that each can be added to where it lies.
 */

import type { Axis, Block, Graph, Op, OpOf, TensorType, Value, ValueId } from '../../ir/graph.ts';
import { nextValueId } from '../../ir/walk-graph.ts';
import type { Bindings } from './bindings.ts';
import { ownInitials } from './own-initials.ts';
import { makeScope, type Scope } from './scope.ts';
import { sinkFactor } from './sink-factor.ts';
import { isSinkable, sinkView } from './sink-view.ts';
import { splitReduction } from './split-reduction.ts';
import { splitStack } from './split-stack.ts';
import { type SumSplitting, sharingOperands, splitSum } from './split-sum.ts';
import { splitTerms } from './split-terms.ts';
import { throughViews } from './views.ts';

/** What a rewrite needs to make ops that the graph did not have. */
export interface Rewriter {
  axesOf(id: ValueId): readonly Axis[];
  typeOf(id: ValueId): TensorType;
  fresh(type: TensorType): Value;
}

/** @param splitting How sums of products are split; none without. */
export function toNormalForm(graph: Graph, bindings: Bindings, splitting?: SumSplitting): Graph {
  const made = new Map<ValueId, TensorType>();
  let next = nextValueId(graph);
  const rewriterOf = (scope: Scope): Rewriter => {
    const typeOf = (id: ValueId): TensorType => made.get(id) ?? scope.value(id).type;
    return {
      typeOf,
      axesOf: (id) => typeOf(id).axes,
      fresh: (type) => {
        const id = next++ as ValueId;
        made.set(id, type);
        return { id, type, name: undefined };
      },
    };
  };
  const scope = makeScope(graph);
  const sunk = mapBlocks(graph, (ops) => sinkViews(scope, rewriterOf(scope), ops));
  const after = makeScope(sunk);
  const rewriter = rewriterOf(after);
  const inPieces = (op: Op, beside: readonly OpOf<'contract'>[]): readonly Op[] =>
    splitting && op.kind === 'contract' ? splitSum(rewriter, op, beside, splitting) : [op];
  return mapBlocks(sunk, (ops) => {
    const sharing = sharingOperands(ops, (id) => throughViews(after, id));
    return ops.flatMap((op) => {
      if (op.kind === 'contract' && op.attrs.terms.length === 1)
        return sinkFactor(after, rewriter, op).flatMap((made) => inPieces(made, sharing.get(op) ?? []));
      if (op.kind === 'contract') return splitTerms(after, rewriter, op, bindings);
      if (op.kind === 'loop') return ownInitials(after, rewriter, op);
      if (op.kind === 'sum' || op.kind === 'max') return splitReduction(rewriter, op);
      return op.kind === 'stack' ? splitStack(rewriter, op, bindings) : [op];
    });
  });
}

function mapBlocks(graph: Graph, rewrite: (ops: readonly Op[]) => readonly Op[]): Graph {
  const visit = (block: Block): Block => ({
    ...block,
    ops: rewrite(
      block.ops.map((op) => (op.kind === 'loop' ? { ...op, attrs: { ...op.attrs, body: visit(op.attrs.body) } } : op)),
    ),
  });
  return { ...graph, block: visit(graph.block) };
}

function sinkViews(scope: Scope, rewriter: Rewriter, ops: readonly Op[]): readonly Op[] {
  const done = new Set<Op>();
  const makers = new Map<ValueId, Op>();
  for (const op of ops) {
    const from = op.operands[0];
    const maker = from === undefined ? undefined : makers.get(from);
    const alone = from !== undefined && scope.users(from).length === 1 && !scope.isResult(from);
    const sunk = maker?.kind === 'contract' && alone && isSinkable(op) ? sinkView(rewriter, op, maker) : undefined;
    if (sunk && maker) done.delete(maker);
    for (const made of sunk ?? [op]) {
      done.add(made);
      for (const r of made.results) makers.set(r.id, made);
    }
  }
  return [...done];
}
