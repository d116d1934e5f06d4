/**
 * What a backward loop gets from the forward one: which values the forward iteration saves, and which the backward
 * iteration computes again (as the min-cut partitioner of PyTorch's AOTAutograd decides it).
 *
 * Pointwise and movement ops may be computed again; reductions, contractions, attention and everything that reads or
 * writes at computed places may not. A value that the backward consumes by a contraction or attention is saved as it
 * is, because the forward has it in memory anyway. Among the rest a minimum cut between what cannot be computed again
 * and what the backward needs finds the fewest bytes; of equal cuts, the one nearest to the uses.
 *
 * Where memory is short, an effort says which of the others may be computed again too; see `effort.ts`.
 */
import type { Block, Op, OpName, Value, ValueId } from '../ir/graph.ts';
import { operandOf } from '../ir/op-parts.ts';
import { capturesOf } from '../ir/walk-graph.ts';
import { bytesOf, weightOf } from './effort.ts';
import { minimumCut } from './minimum-cut.ts';

/** Ops that read whole operands from memory. */
const READS_MEMORY: ReadonlySet<OpName> = new Set<OpName>([
  'contract',
  'attend',
  'attend_backward_query',
  'attend_backward_key',
  'gather',
  'scatter_add',
]);

const MOVES: ReadonlySet<OpName> = new Set<OpName>(['expand', 'slice', 'pad', 'pick', 'stack']);

export interface Partition {
  /** Values of the forward body that it must give to the backward, in the order of their definition. */
  readonly saved: readonly ValueId[];
  /** Ops of the forward body that the backward does again, in order. */
  readonly again: readonly Op[];
}

export interface PartitionOptions {
  /** Parameters of the forward body that the backward has anyway (slices of stacked values). */
  readonly free: ReadonlySet<ValueId>;
  /** Heavy ops that may be done again all the same. */
  readonly allowed: ReadonlySet<Op>;
}

export function partition(forward: Block, backward: Block, { free, allowed }: PartitionOptions): Partition {
  const values = new Map<ValueId, Value>(
    [...forward.params, ...forward.ops.flatMap((op) => op.results)].map((value) => [value.id, value]),
  );
  const definition = new Map(forward.ops.flatMap((op) => op.results.map((r) => [r.id, op] as const)));
  const isKept = (op: Op | undefined): boolean => {
    const weight = weightOf(op);
    return weight === 'fixed' || (weight === 'heavy' && op !== undefined && !allowed.has(op));
  };
  const needed = capturesOf(backward).filter((id) => values.has(id));
  const forced = readFromMemory(backward, definition).filter(
    (id) => values.has(id) && !free.has(id) && (allowed.size === 0 || isKept(definition.get(id))),
  );
  const available = new Set([...free, ...forced]);

  const cut = minimumCut({
    nodes: [...values.values()]
      .filter(({ id }) => !available.has(id))
      .map(({ id, type }) => ({ id, cost: bytesOf(type) })),
    sources: [...values.keys()].filter((id) => isKept(definition.get(id))),
    sinks: needed,
    edges: forward.ops.flatMap((op) =>
      isKept(op) ? [] : op.results.flatMap((r) => op.operands.map((from) => ({ from, to: r.id }))),
    ),
  });
  const chosen = new Set([...forced, ...cut]);
  const again = computedAgain(needed, definition, new Set([...free, ...chosen]));
  return {
    saved: [...values.keys()].filter((id) => chosen.has(id)),
    again: forward.ops.filter((op) => again.has(op)),
  };
}

/** The values of which `backward` reads a view by a contraction or the like. */
function readFromMemory(backward: Block, forward: ReadonlyMap<ValueId, Op>): readonly ValueId[] {
  const definition = new Map([...forward, ...backward.ops.flatMap((op) => op.results.map((r) => [r.id, op] as const))]);
  const base = (id: ValueId): ValueId => {
    const op = definition.get(id);
    return op && weightOf(op) === 'view' ? base(operandOf(op, 0)) : id;
  };
  // What a kernel only moves about, such as a rotated half, it stores as its reader wants it.
  const kept = (id: ValueId): ValueId => (MOVES.has(definition.get(base(id))?.kind ?? 'input') ? id : base(id));
  return backward.ops
    .filter((op) => READS_MEMORY.has(op.kind) && weightOf(op) !== 'cheap')
    .flatMap((op) => op.operands.map(kept))
    .filter((id) => weightOf(definition.get(id)) !== 'leaf');
}

function computedAgain(
  needed: readonly ValueId[],
  definition: ReadonlyMap<ValueId, Op>,
  available: ReadonlySet<ValueId>,
): ReadonlySet<Op> {
  const again = new Set<Op>();
  const visit = (id: ValueId): void => {
    const op = definition.get(id);
    if (available.has(id) || !op || again.has(op)) return;
    again.add(op);
    op.operands.forEach(visit);
  };
  needed.forEach(visit);
  return again;
}
