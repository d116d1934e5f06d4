import type { ValueId } from '../../src/compiler/ir/graph.ts';
import type { FusedGraph } from '../../src/compiler/ir/region.ts';

/** A fused graph without loops whose inputs of floats, and what lies at their places, are stored in its narrow type. */
export function withNarrowInputs(fused: FusedGraph): FusedGraph {
  const { graph, aliases, precision } = fused;
  const memoryOf = (id: ValueId): ValueId => {
    const below = aliases.get(id);
    return below === undefined ? id : memoryOf(below);
  };
  const { ops } = graph.block;
  const inputs = new Set(ops.flatMap((op) => (op.kind === 'input' ? op.results.map(({ id }) => id) : [])));
  const narrowed = ops.map((op) => ({
    ...op,
    results: op.results.map((value) =>
      inputs.has(memoryOf(value.id)) && value.type.storage === 'f32'
        ? { ...value, type: { ...value.type, storage: precision } }
        : value,
    ),
  }));
  return { ...fused, graph: { ...graph, block: { ...graph.block, ops: narrowed } } };
}
