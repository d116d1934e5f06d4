/** The ops that have to be done together, so that no large value lies in memory as a whole. */
import type { Op, ValueId } from '../../ir/graph.ts';
import { type GraphFacts, usedBy } from './graph-facts.ts';
import { isMade } from './large-values.ts';

/**
 * The ops that make or use large values, from `seed` on, and whatever lies on a path from one of them to another: with the set as
 * one op, the graph has no cycle.
 */
export function largeSet(seed: Op, facts: GraphFacts, isLarge: (id: ValueId) => boolean): ReadonlySet<Op> {
  let set: ReadonlySet<Op> = new Set([seed]);
  for (let before = 0; before !== set.size; ) {
    before = set.size;
    set = between(withNeighbours(set, facts, isLarge), facts);
  }
  return set;
}

function withNeighbours(set: ReadonlySet<Op>, facts: GraphFacts, isLarge: (id: ValueId) => boolean): ReadonlySet<Op> {
  const found = new Set(set);
  // A set goes on to what is added while one walks over it.
  for (const op of found) {
    for (const id of [...op.results.map((r) => r.id), ...usedBy(op)]) {
      const maker = facts.maker(id);
      if (!isMade(maker) || !isLarge(id)) continue;
      found.add(maker);
      for (const user of facts.users(id)) found.add(user);
    }
  }
  return found;
}

/** `set` and the ops that need something of it and that it needs. */
function between(set: ReadonlySet<Op>, facts: GraphFacts): ReadonlySet<Op> {
  const after = dependents(set, facts);
  const before = new Set<ValueId>();
  const found = new Set(set);
  for (const op of facts.ops.toReversed()) {
    if (op.results.some(({ id }) => before.has(id)) && after.has(op)) found.add(op);
    if (found.has(op) || op.results.some(({ id }) => before.has(id))) for (const id of usedBy(op)) before.add(id);
  }
  return found;
}

/** The ops that need something of `set`, and those of it. */
export function dependents(set: ReadonlySet<Op>, facts: GraphFacts): ReadonlySet<Op> {
  const found = new Set(set);
  for (const op of facts.ops) {
    if (usedBy(op).some((id) => found.has(facts.maker(id) ?? op) && facts.maker(id))) found.add(op);
  }
  return found;
}
