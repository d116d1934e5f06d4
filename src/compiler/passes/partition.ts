/**
 * What a backward loop gets from the forward one: which values the forward iteration saves, and which the backward
 * iteration computes again (as the min-cut partitioner of PyTorch's AOTAutograd decides it).
 *
 * Pointwise and movement ops may be computed again; reductions, contractions, attention and everything that reads or
 * writes at computed places may not. A value that the backward consumes by a contraction or attention is saved as it
 * is, because the forward has it in memory anyway. Among the rest a minimum cut between what cannot be computed again
 * and what the backward needs finds the fewest bytes; of equal cuts, the one nearest to the uses.
 */
import type { Block, Op, OpName, Value, ValueId } from '../ir/graph.ts';
import { operandOf } from '../ir/op-parts.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import { capturesOf } from '../ir/walk-graph.ts';
import { minimumCut } from './minimum-cut.ts';

/**
 * `leaf`: computed again from nothing; `view`: the operand with other axes, no work at all; `cheap`: computed again from
 * its operands; `heavy`: never computed again.
 */
type Weight = 'leaf' | 'view' | 'cheap' | 'heavy';

const WEIGHT: { readonly [K in OpName]: Weight } = {
  input: 'heavy',
  weight: 'heavy',
  constant: 'leaf',
  index: 'leaf',
  random: 'leaf',
  runtime: 'leaf',
  unary: 'cheap',
  binary: 'cheap',
  where: 'cheap',
  cast: 'cheap',
  expand: 'cheap',
  rename: 'view',
  split: 'view',
  merge: 'view',
  permute: 'view',
  slice: 'cheap',
  pad: 'cheap',
  pick: 'cheap',
  stack: 'cheap',
  sum: 'heavy',
  max: 'heavy',
  argmax: 'heavy',
  contract: 'heavy',
  gather: 'heavy',
  scatter_add: 'heavy',
  put: 'heavy',
  recur: 'heavy',
  stop_gradient: 'cheap',
  step_total: 'heavy',
  attend: 'heavy',
  attend_backward_query: 'heavy',
  attend_backward_key: 'heavy',
  loop: 'heavy',
};

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

/** An outer product is pointwise. */
function weightOf(op: Op | undefined): Weight {
  if (op?.kind === 'contract' && op.attrs.terms.every((over) => over.length === 0)) return 'cheap';
  return op ? WEIGHT[op.kind] : 'heavy';
}

export interface Partition {
  /** Values of the forward body that it must give to the backward, in the order of their definition. */
  readonly saved: readonly ValueId[];
  /** Ops of the forward body that the backward does again, in order. */
  readonly again: readonly Op[];
}

/** `free`: parameters of the forward body that the backward has anyway (slices of stacked values). */
export function partition(forward: Block, backward: Block, free: ReadonlySet<ValueId>): Partition {
  const values = new Map<ValueId, Value>(
    [...forward.params, ...forward.ops.flatMap((op) => op.results)].map((value) => [value.id, value]),
  );
  const definition = new Map(forward.ops.flatMap((op) => op.results.map((r) => [r.id, op] as const)));
  const needed = capturesOf(backward).filter((id) => values.has(id));
  const forced = readFromMemory(backward, definition).filter((id) => values.has(id) && !free.has(id));
  const available = new Set([...free, ...forced]);

  const cut = minimumCut({
    nodes: [...values.values()]
      .filter(({ id }) => !available.has(id))
      .map(({ id, type }) => ({ id, cost: bytes(type) })),
    sources: [...values.keys()].filter((id) => weightOf(definition.get(id)) === 'heavy'),
    sinks: needed,
    edges: forward.ops.flatMap((op) =>
      weightOf(op) === 'heavy' ? [] : op.results.flatMap((r) => op.operands.map((from) => ({ from, to: r.id }))),
    ),
  });
  const chosen = new Set([...forced, ...cut]);
  const again = computedAgain(needed, definition, new Set([...free, ...chosen]));
  return {
    saved: [...values.keys()].filter((id) => chosen.has(id)),
    again: forward.ops.filter((op) => again.has(op)),
  };
}

function bytes(type: Value['type']): number {
  return 4 * elementsOf(type.axes);
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
    .filter((op) => READS_MEMORY.has(op.kind) && weightOf(op) === 'heavy')
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
