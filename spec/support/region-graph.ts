/** One region of a fused graph as a graph of its own, whose inputs are what the region reads. */
import type { Graph, Op, OpOf, Value, ValueId } from '../../src/compiler/ir/graph.ts';
import type { FusedGraph, Region, RegionStep } from '../../src/compiler/ir/region.ts';
import { allOps } from '../../src/compiler/ir/walk-graph.ts';
import { present } from '../../src/compiler/support/invariant.ts';
import { GENERATED } from '../../src/compiler/support/source.ts';

export function regionsOf(steps: readonly RegionStep[]): readonly Region[] {
  return steps.flatMap((step) => (step.kind === 'region' ? [step.region] : regionsOf(step.body)));
}

/** The stored value in whose memory a value lies. */
export function memoryOf(fused: FusedGraph, id: ValueId): ValueId {
  const target = fused.aliases.get(id);
  return target === undefined ? id : memoryOf(fused, target);
}

/** The numbers that a loop slices for its parameters from constants, by parameter. */
export function tablesOf(graph: Graph): ReadonlyMap<ValueId, readonly number[]> {
  const ops = [...allOps(graph.block)];
  const makers = new Map(ops.flatMap((op) => op.results.map((r) => [r.id, op] as const)));
  const tables = new Map<ValueId, readonly number[]>();
  for (const loop of ops.filter((op): op is OpOf<'loop'> => op.kind === 'loop')) {
    loop.attrs.body.params.forEach((param, i) => {
      const maker = makers.get(present(loop.operands[i], 'operand'));
      if (i >= loop.attrs.carried && maker?.kind === 'constant') tables.set(param.id, maker.attrs.values);
    });
  }
  return tables;
}

export interface RegionGraph {
  /** Outputs are `out0`, `out1`, … in the order of the roots. */
  readonly graph: Graph;
  /** The memory that each input sees. */
  readonly memory: ReadonlyMap<string, ValueId>;
}

/** `iteration`: of the loop around it, for tables. */
export function regionGraph(fused: FusedGraph, region: Region, iteration: number): RegionGraph {
  const ops = [...allOps(fused.graph.block)];
  const types = new Map<ValueId, Value>();
  for (const op of ops) {
    for (const result of op.results) types.set(result.id, result);
    if (op.kind === 'loop') for (const param of op.attrs.body.params) types.set(param.id, param);
  }
  const result = (id: ValueId): Value => present(types.get(id), `value ${id}`);

  const members = ops.filter((op) => op.results.some((r) => region.members.includes(r.id)));
  const outside = new Set(members.flatMap((op) => op.operands).filter((id) => !region.members.includes(id)));
  const tables = tablesOf(fused.graph);
  const inputs = [...outside]
    .filter((id) => !tables.has(id))
    .map((id) => ({ id, name: `value${id}`, type: result(id).type }));
  const leaves = [...outside].map((id): Op => {
    const rest = { operands: [], results: [result(id)], span: GENERATED };
    const number = tables.get(id)?.[iteration];
    return number === undefined
      ? { kind: 'input', attrs: { name: `value${id}` }, ...rest }
      : { kind: 'constant', attrs: { values: [number] }, ...rest };
  });
  const graph: Graph = {
    inputs,
    weights: [],
    outputs: region.roots.map((value, i) => ({ name: `out${i}`, value })),
    block: { params: [], ops: [...leaves, ...members], results: region.roots },
  };
  return { graph, memory: new Map(inputs.map(({ id, name }) => [name, memoryOf(fused, id)])) };
}
