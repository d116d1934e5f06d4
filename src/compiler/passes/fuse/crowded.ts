import type { ValueId } from '../../ir/graph.ts';
import { elementsOf } from '../../ir/tensor-type.ts';
import { type Bindings, countBindings } from './bindings.ts';
import type { Group } from './group.ts';
import type { Scope } from './scope.ts';

/**
 * Values that must be stored so that nothing in a group is computed from more than a kernel can bind: wherever there is
 * too much, the operand that takes most of it. Empty for a group that is not crowded.
 */
export function crowdedValues(scope: Scope, group: Group, bindings: Bindings): readonly ValueId[] {
  const sizeOf = (ids: Iterable<ValueId>): number => countBindings(bindings, scope.axes, ids);
  // One is kept for what the group stores.
  const most = bindings.most - Math.max(...[...group.nodes].map((id) => sizeOf([id])));
  if ((group.kind.kind !== 'rows' && group.kind.kind !== 'scan') || sizeOf(group.reads) <= most) return [];
  const reads = new Map<ValueId, ReadonlySet<ValueId>>([...group.reads].map((id) => [id, new Set([id])]));
  const chosen: ValueId[] = [];
  const readsOf = (id: ValueId): ReadonlySet<ValueId> => reads.get(id) ?? new Set();
  const larger = (a: ValueId, b: ValueId): ValueId => (sizeOf(readsOf(b)) > sizeOf(readsOf(a)) ? b : a);
  const largestOf = (ids: readonly ValueId[]): ValueId | undefined =>
    ids.length === 0 ? undefined : ids.reduce(larger);
  /** What `id` mostly comes from, if others need that too and it is no larger. */
  const shared = (id: ValueId): ValueId => {
    let best = id;
    for (let at = id; ; ) {
      if (scope.users(at).length > 1) best = at;
      const from = largestOf(scope.op(at)?.operands ?? []);
      if (from === undefined || elementsOf(scope.axes(from)) > elementsOf(scope.axes(id))) return best;
      if (readsOf(from).size < 2 || sizeOf(readsOf(from)) < sizeOf(readsOf(at)) - 1) return best;
      at = from;
    }
  };
  for (const id of [...group.members].sort((a, b) => scope.order(a) - scope.order(b))) {
    const operands = scope.op(id)?.operands ?? [];
    const all = (): ReadonlySet<ValueId> => new Set(operands.flatMap((o) => [...readsOf(o)]));
    while (sizeOf(all()) > most) {
      const operand = largestOf(operands);
      const largest = operand === undefined ? undefined : shared(operand);
      if (largest === undefined || readsOf(largest).size < 2) break;
      chosen.push(largest);
      reads.set(largest, new Set([largest]));
    }
    reads.set(id, all());
  }
  return chosen;
}
