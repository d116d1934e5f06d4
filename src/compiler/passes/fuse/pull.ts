import type { Op, ValueId } from '../../ir/graph.ts';
import type { Needs } from './needs.ts';
import { isTable } from './needs.ts';
import type { Scope } from './scope.ts';

/** What a kernel computes and loads to have some values. */
export interface Pulled {
  readonly members: ReadonlySet<ValueId>;
  readonly reads: ReadonlySet<ValueId>;
}

/** The operands whose elements an element of the result is computed from: a `put` leaves the rest of its state alone. */
export function computedFrom(op: Op): readonly ValueId[] {
  return op.kind === 'put' ? op.operands.slice(1) : op.operands;
}

/** Computes `roots` from memory; of the nodes, only those in `inside` are computed on the way. */
export function pull(scope: Scope, needs: Needs, roots: Iterable<ValueId>, inside: ReadonlySet<ValueId>): Pulled {
  const members = new Set<ValueId>();
  const reads = new Set<ValueId>();
  const visit = (id: ValueId): void => {
    if (members.has(id) || reads.has(id)) return;
    const d = scope.definition(id);
    if (d.kind === 'param') {
      if (!isTable(scope, d.loop, d.index)) reads.add(id);
      return;
    }
    const c = scope.classOf(d.op);
    if (c === 'memory' || c === 'loop' || c === 'own' || (needs.nodes.has(id) && !inside.has(id))) {
      reads.add(id);
      return;
    }
    members.add(id);
    for (const operand of computedFrom(d.op)) visit(operand);
  };
  for (const id of roots) visit(id);
  return { members, reads };
}
