/**
 * Products: which contractions share their tiles, and what is computed from them before anything is stored.
 *
 * The cone of a part grows from its accumulators forward, over pointwise ops in the same index space whose other
 * operands do not wait for the part. What is used outside the cone must be recomputed there from something stored, so
 * the part stores what must be stored anyway and, beside it, the fewest values that separate the accumulators from the
 * outside: for `x + f(x)` the sum, for a norm of `f(x)` the accumulator itself.
 */

import type { Op, OpOf, ValueId } from '../../ir/graph.ts';
import { present } from '../../support/invariant.ts';
import { minimumCut } from '../minimum-cut.ts';
import { type Bindings, countBindings } from './bindings.ts';
import { bareDraft, type Draft, findDrafts } from './drafts.ts';
import type { Needs } from './needs.ts';
import { pull } from './pull.ts';
import type { Home, Scope } from './scope.ts';
import type { TileSpace } from './tile-space.ts';

export interface Part {
  readonly space: TileSpace;
  readonly contracts: readonly OpOf<'contract'>[];
  /** Values on which other kernels may depend: accumulators and what the part can store. */
  readonly nodes: ReadonlySet<ValueId>;
  /** Those of them that it must store. */
  readonly roots: readonly ValueId[];
}

/** The parts of one block, in order. */
export function findParts(
  scope: Scope,
  needs: Needs,
  ops: readonly Op[],
  home: Home,
  bindings: Bindings,
): readonly Part[] {
  return findDrafts(scope, needs, ops, home, bindings).flatMap((draft) => close(scope, needs, draft, bindings));
}

/**
 * Decides what a draft stores. While it needs more bindings than there are it gives up its last values, and in the end
 * its accumulators part.
 */
function close(scope: Scope, needs: Needs, draft: Draft, bindings: Bindings): readonly Part[] {
  const accumulators = draft.contracts.map((c) => present(c.results[0], 'a result').id);
  const cone = new Set(draft.cone);
  for (;;) {
    const roots = rootsOf(scope, needs, cone, accumulators);
    const inside = new Set([...accumulators, ...roots, ...[...cone].filter((id) => needs.nodes.has(id))]);
    const { members, reads } = pull(scope, needs, roots, inside);
    const last = roots[roots.length - 1];
    const fits = countBindings(bindings, scope.axes, [...reads, ...roots]) <= bindings.most;
    const isBare = last === undefined || accumulators.includes(last);
    if (fits || (isBare && accumulators.length === 1)) {
      const nodes = new Set([...inside].filter((id) => members.has(id)));
      return [{ space: draft.space, contracts: draft.contracts, nodes, roots }];
    }
    if (isBare) return draft.contracts.flatMap((op) => close(scope, needs, bareDraft(scope, op), bindings));
    cone.delete(last);
  }
}

function rootsOf(
  scope: Scope,
  needs: Needs,
  cone: ReadonlySet<ValueId>,
  accumulators: readonly ValueId[],
): readonly ValueId[] {
  const values = [...cone].sort((a, b) => scope.order(a) - scope.order(b));
  const isInside = (op: Op): boolean => op.results.every((r) => cone.has(r.id)) && scope.classOf(op) === 'pointwise';
  const open = values.filter((id) => !needs.required.has(id));
  const cut = minimumCut({
    nodes: open.map((id) => ({ id, cost: 1 })),
    sources: accumulators,
    sinks: open.filter((id) => scope.users(id).some((op) => !isInside(op))),
    edges: values.flatMap((to) => (scope.op(to)?.operands ?? []).map((from) => ({ from, to }))),
  });
  const chosen = new Set(cut);
  return values.filter((id) => needs.required.has(id) || chosen.has(id));
}
