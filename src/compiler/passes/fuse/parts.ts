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
import { sameAxisSet } from './axes.ts';
import { minimumCut } from './min-cut.ts';
import type { Needs } from './needs.ts';
import { pull } from './pull.ts';
import type { Home, Scope } from './scope.ts';
import { sameSpace, type TileSpace, tileSpace } from './tile-space.ts';

export interface Part {
  readonly space: TileSpace;
  readonly contracts: readonly OpOf<'contract'>[];
  /** Values on which other kernels may depend: accumulators and what the part can store. */
  readonly nodes: ReadonlySet<ValueId>;
  /** Those of them that it must store. */
  readonly roots: readonly ValueId[];
}

interface Draft {
  readonly space: TileSpace;
  contracts: readonly OpOf<'contract'>[];
  readonly cone: Set<ValueId>;
}

/** The parts of one block, in order. */
export function findParts(scope: Scope, needs: Needs, ops: readonly Op[], home: Home, limit: number): readonly Part[] {
  const drafts = new Set<Draft>();
  const draftOf = new Map<ValueId, Draft>();

  for (const op of ops) {
    const result = op.results[0];
    if (!result || !scope.isLive(op)) continue;
    if (op.kind === 'contract' && scope.classOf(op) === 'product') {
      const draft = { space: tileSpace(op, scope.axes), contracts: [op], cone: new Set([result.id]) };
      drafts.add(draft);
      draftOf.set(result.id, draft);
    } else if (scope.classOf(op) === 'pointwise') {
      grow(op, result.id);
    }
  }

  function grow(op: Op, id: ValueId): void {
    const axes = scope.axes(id);
    const near = op.operands.filter((o) => draftOf.has(o) && sameAxisSet(scope.axes(o), axes));
    const hosts = [...new Set(near.map((o) => present(draftOf.get(o), 'a draft')))].sort(byLast);
    let host = hosts.pop();
    if (!host) return;
    for (const other of hosts) host = join(host, other) ?? host;
    const side = op.operands.filter((o) => draftOf.get(o) !== host);
    if (dependsOn(side, host)) return;
    host.cone.add(id);
    draftOf.set(id, host);
  }

  function byLast(a: Draft, b: Draft): number {
    return lastOf(a) - lastOf(b);
  }

  function lastOf(draft: Draft): number {
    return Math.max(...draft.contracts.map((c) => scope.order(present(c.results[0], 'a result').id)));
  }

  /** One draft of two whose accumulators can share their tiles. */
  function join(host: Draft, other: Draft): Draft | undefined {
    if (!sameSpace(host.space, other.space)) return undefined;
    const contracts = [...other.contracts, ...host.contracts];
    if (operandCount(contracts) + contracts.length > limit) return undefined;
    if (dependsOn(inputsOf(host), other) || dependsOn(inputsOf(other), host)) return undefined;
    host.contracts = contracts;
    for (const id of other.cone) {
      host.cone.add(id);
      draftOf.set(id, host);
    }
    drafts.delete(other);
    return host;
  }

  function operandCount(contracts: readonly OpOf<'contract'>[]): number {
    return pull(
      scope,
      needs,
      contracts.flatMap((c) => c.operands),
      new Set(),
    ).reads.size;
  }

  /** What a draft needs from outside its cone. */
  function inputsOf(draft: Draft): readonly ValueId[] {
    return [...draft.cone].flatMap((id) => scope.op(id)?.operands ?? []).filter((o) => draftOf.get(o) !== draft);
  }

  /** Whether computing `ids` waits for `draft`, when all of a draft is computed at once. */
  function dependsOn(ids: readonly ValueId[], draft: Draft): boolean {
    const seen = new Set<ValueId>();
    const entered = new Set<Draft>();
    const stack = [...ids];
    for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
      if (seen.has(id)) continue;
      seen.add(id);
      const at = draftOf.get(id);
      if (at === draft) return true;
      if (at) {
        if (!entered.has(at)) stack.push(...inputsOf(at));
        entered.add(at);
        continue;
      }
      const d = scope.definition(id);
      if (d.kind === 'param' || d.home !== home) continue;
      stack.push(...d.op.operands, ...(d.op.kind === 'loop' ? scope.captures(d.op) : []));
    }
    return false;
  }

  return [...drafts].map((draft) => close(scope, needs, draft, limit));
}

/** Decides what a draft stores; gives up its last values while it needs more bindings than there are. */
function close(scope: Scope, needs: Needs, draft: Draft, limit: number): Part {
  const accumulators = draft.contracts.map((c) => present(c.results[0], 'a result').id);
  const cone = new Set(draft.cone);
  for (;;) {
    const roots = rootsOf(scope, needs, cone, accumulators);
    const inside = new Set([...accumulators, ...roots, ...[...cone].filter((id) => needs.nodes.has(id))]);
    const { members, reads } = pull(scope, needs, roots, inside);
    const last = roots[roots.length - 1];
    if (reads.size + roots.length <= limit || last === undefined || accumulators.includes(last)) {
      const nodes = new Set([...inside].filter((id) => members.has(id)));
      return { space: draft.space, contracts: draft.contracts, nodes, roots };
    }
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
    values: open,
    next: (id) => scope.users(id).flatMap((op) => (isInside(op) ? op.results.map((r) => r.id) : [])),
    sources: new Set(accumulators),
    sinks: new Set(open.filter((id) => scope.users(id).some((op) => !isInside(op)))),
  });
  const chosen = new Set(cut);
  return values.filter((id) => needs.required.has(id) || chosen.has(id));
}
