/** Which stored values lie at one place of memory. */
import type { Value, ValueId } from '../../ir/graph.ts';
import type { FusedGraph } from '../../ir/region.ts';
import { allOps, blocksOf } from '../../ir/walk-graph.ts';
import { present } from '../../support/invariant.ts';

export interface Stored {
  readonly values: ReadonlyMap<ValueId, Value>;
  /** The first of the values whose memory a value shares. */
  readonly memoryOf: (id: ValueId) => ValueId;
}

/** Joins what lies at one place of memory. */
export function findStored({ graph, stored, aliases }: FusedGraph): Stored {
  const values = new Map<ValueId, Value>();
  const joined = new Map<ValueId, ValueId>(aliases);
  const memoryOf = (id: ValueId): ValueId => {
    const other = joined.get(id);
    return other === undefined ? id : memoryOf(other);
  };
  const join = (a: ValueId, b: ValueId): void => {
    const [first, second] = [memoryOf(a), memoryOf(b)];
    if (stored.has(a) && stored.has(b) && first !== second) joined.set(second, first);
  };
  for (const op of allOps(graph.block)) {
    for (const value of [...op.results, ...blocksOf(op).flatMap((block) => block.params)]) values.set(value.id, value);
    if (op.kind === 'put') join(present(op.operands[0], 'a state'), present(op.results[0], 'a result').id);
    if (op.kind !== 'loop') continue;
    const { params, results } = op.attrs.body;
    params.forEach((param, k) => {
      join(present(op.operands[k], 'an operand'), param.id);
    });
    results.forEach((result, k) => {
      join(present(op.results[k], 'a result').id, result);
      if (k < op.attrs.carried) join(present(params[k], 'a parameter').id, result);
    });
  }
  return { values, memoryOf };
}
