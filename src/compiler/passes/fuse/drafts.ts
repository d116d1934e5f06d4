import type { Op, OpOf, ValueId } from '../../ir/graph.ts';
import { resultOf } from '../../ir/op-parts.ts';
import { present } from '../../support/invariant.ts';
import { sameAxisSet } from './axes.ts';
import { type Bindings, countBindings } from './bindings.ts';
import type { Needs } from './needs.ts';
import { pull } from './pull.ts';
import type { Home, Scope } from './scope.ts';
import { sameSpace, type TileSpace, tileSpace } from './tile-space.ts';

/** A part in the making: its contractions, and what can be computed from them in their tiles. */
export interface Draft {
  readonly space: TileSpace;
  contracts: readonly OpOf<'contract'>[];
  readonly cone: Set<ValueId>;
  /** Places in the text of its first and last value. */
  first: number;
  last: number;
}

/** The drafts of one block, in order. */
export function findDrafts(
  scope: Scope,
  needs: Needs,
  ops: readonly Op[],
  home: Home,
  bindings: Bindings,
): readonly Draft[] {
  const all = new Set<Draft>();
  const draftOf = new Map<ValueId, Draft>();
  const context: Drafts = { scope, needs, home, bindings, all, draftOf };
  for (const op of ops) {
    const result = op.results[0];
    if (!result || !scope.isLive(op)) continue;
    if (op.kind === 'contract' && scope.classOf(op) === 'product') {
      const draft = bareDraft(scope, op);
      all.add(draft);
      // What a library computes has no tiles for others to join.
      if (!needs.library.has(result.id)) draftOf.set(result.id, draft);
    } else if (scope.classOf(op) === 'pointwise') {
      grow(context, op, result.id);
    }
  }
  return [...all];
}

/** A contraction and nothing else. */
export function bareDraft(scope: Scope, op: OpOf<'contract'>): Draft {
  const { id } = resultOf(op, 0);
  const place = scope.order(id);
  return { space: tileSpace(op, scope.axes), contracts: [op], cone: new Set([id]), first: place, last: place };
}

interface Drafts {
  readonly scope: Scope;
  readonly needs: Needs;
  readonly home: Home;
  readonly bindings: Bindings;
  readonly all: Set<Draft>;
  readonly draftOf: Map<ValueId, Draft>;
}

/** Puts a pointwise value into the cone of the last product that it comes from, and joins the others to that. */
function grow(c: Drafts, op: Op, id: ValueId): void {
  const axes = c.scope.axes(id);
  const near = op.operands.filter((o) => c.draftOf.has(o) && sameAxisSet(c.scope.axes(o), axes));
  const hosts = [...new Set(near.map((o) => present(c.draftOf.get(o), 'a draft')))].sort((a, b) => a.last - b.last);
  const host = hosts.pop();
  if (!host) return;
  for (const other of hosts) if (canJoin(c, host, other)) join(c, host, other);
  const side = op.operands.filter((o) => c.draftOf.get(o) !== host);
  if (dependsOn(c, side, host)) return;
  host.cone.add(id);
  host.last = c.scope.order(id);
  c.draftOf.set(id, host);
}

/** Whether the accumulators of two drafts can share their tiles. */
function canJoin(c: Drafts, a: Draft, b: Draft): boolean {
  if (!sameSpace(a.space, b.space)) return false;
  const contracts = [...a.contracts, ...b.contracts];
  const operands = contracts.flatMap((op) => op.operands);
  const { reads } = pull(c.scope, c.needs, operands, new Set());
  const [first] = contracts;
  const most = c.bindings.most - (first ? c.bindings.of(resultOf(first, 0).type.axes) : 0);
  if (countBindings(c.bindings, c.scope.axes, reads) > most) return false;
  return !dependsOn(c, inputsOf(c, a), b) && !dependsOn(c, inputsOf(c, b), a);
}

function join(c: Drafts, into: Draft, from: Draft): void {
  into.contracts = [...from.contracts, ...into.contracts];
  into.first = Math.min(into.first, from.first);
  into.last = Math.max(into.last, from.last);
  for (const id of from.cone) {
    into.cone.add(id);
    c.draftOf.set(id, into);
  }
  c.all.delete(from);
}

/** What a draft needs from outside its cone. */
function inputsOf(c: Drafts, draft: Draft): readonly ValueId[] {
  return [...draft.cone].flatMap((id) => c.scope.op(id)?.operands ?? []).filter((o) => c.draftOf.get(o) !== draft);
}

/** Whether computing `ids` waits for `draft`, when all of a draft is computed at once. */
function dependsOn(c: Drafts, ids: readonly ValueId[], draft: Draft): boolean {
  const isSpanned = [...c.all].some((d) => d !== draft && d.first < draft.first && d.last > draft.first);
  const seen = new Set<ValueId>();
  const entered = new Set<Draft>();
  const stack = [...ids];
  for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
    // What comes before the draft cannot depend on it, unless it is made together with something later.
    if (seen.has(id) || (!isSpanned && c.scope.order(id) < draft.first)) continue;
    seen.add(id);
    const at = c.draftOf.get(id);
    if (at === draft) return true;
    if (at) {
      if (!entered.has(at)) stack.push(...inputsOf(c, at));
      entered.add(at);
      continue;
    }
    const d = c.scope.definition(id);
    if (d.kind === 'param' || d.home !== c.home) continue;
    stack.push(...d.op.operands, ...(d.op.kind === 'loop' ? c.scope.captures(d.op) : []));
  }
  return false;
}
