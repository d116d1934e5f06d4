import type { Graph, Op, TensorType, ValueId } from '../../ir/graph.ts';
import { resultOf } from '../../ir/op-parts.ts';
import { allOps, blocksOf, capturesOf } from '../../ir/walk-graph.ts';
import { present } from '../../support/invariant.ts';
import { weightOf } from '../effort.ts';

/** What is looked up in the outer block of a graph. */
export interface GraphFacts {
  readonly ops: readonly Op[];
  readonly typeOf: (id: ValueId) => TensorType;
  /** The op of the block that makes a value; undefined for what is made in a loop. */
  readonly maker: (id: ValueId) => Op | undefined;
  readonly users: (id: ValueId) => readonly Op[];
  /** The name of a value, or of what only sees it under other axes. */
  readonly nameOf: (id: ValueId) => string | undefined;
  readonly isOutput: (id: ValueId) => boolean;
}

export function factsOf({ block }: Graph): GraphFacts {
  const types = new Map<ValueId, TensorType>();
  for (const op of allOps(block)) {
    for (const { id, type } of [...op.results, ...blocksOf(op).flatMap(({ params }) => params)]) types.set(id, type);
  }
  const makers = new Map(block.ops.flatMap((op) => op.results.map(({ id }) => [id, op] as const)));
  const users = new Map<ValueId, Op[]>();
  for (const op of block.ops) {
    for (const id of new Set(usedBy(op))) users.set(id, [...(users.get(id) ?? []), op]);
  }
  const names = new Map(block.ops.flatMap((op) => op.results.map(({ id, name }) => [id, name] as const)));
  const nameOf = (id: ValueId): string | undefined => {
    const [view, ...others] = users.get(id) ?? [];
    const seen = view && others.length === 0 && weightOf(view) === 'view' ? resultOf(view, 0).id : undefined;
    return names.get(id) ?? (seen === undefined ? undefined : nameOf(seen));
  };
  const outputs = new Set(block.results);
  return {
    ops: block.ops,
    typeOf: (id) => present(types.get(id), `type of value ${id}`),
    maker: (id) => makers.get(id),
    users: (id) => users.get(id) ?? [],
    nameOf,
    isOutput: (id) => outputs.has(id),
  };
}

/** The values that an op names, those in the body of a loop among them. */
export function usedBy(op: Op): readonly ValueId[] {
  return op.kind === 'loop' ? [...op.operands, ...capturesOf(op.attrs.body)] : op.operands;
}
