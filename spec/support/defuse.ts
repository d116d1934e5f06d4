/** A fused graph as a graph again, so that the interpreter can run it region by region. */
import type { Block, Graph, Op, OpOf, ValueId } from '../../src/compiler/ir/graph.ts';
import type { FusedGraph, Region, RegionStep } from '../../src/compiler/ir/region.ts';
import { allOps, nextValueId } from '../../src/compiler/ir/walk-graph.ts';
import { present } from '../../src/compiler/support/invariant.ts';

/**
 * Every region computes its members anew, from its reads and from nothing else; only its roots keep their ids. What this
 * graph gives is what the kernels would give, if each did what its region says.
 */
export function defuse(fused: FusedGraph): Graph {
  const maker = new Map([...allOps(fused.graph.block)].flatMap((op) => op.results.map((r) => [r.id, op] as const)));
  let next = nextValueId(fused.graph);

  /** Ops that make `id` from stored values, when it is an alias. */
  const viewsOf = (id: ValueId): readonly Op[] => {
    const of = fused.aliases.get(id);
    if (of === undefined) return [];
    const chain: Op[] = [];
    for (let at = id; at !== of; at = present(chain[0]?.operands[0], 'an operand')) {
      chain.unshift(present(maker.get(at), 'a view'));
    }
    return [...viewsOf(of), ...chain];
  };

  const opsOf = (region: Region): readonly Op[] => {
    const local = new Map<ValueId, ValueId>();
    const ops = region.reads.flatMap(viewsOf).map((op) => copy(op, local, []));
    const members = new Set(region.members.map((id) => present(maker.get(id), 'the op of a member')));
    return [...ops, ...[...members].map((op) => copy(op, local, region.roots))];
  };

  const copy = (op: Op, local: Map<ValueId, ValueId>, roots: readonly ValueId[]): Op => {
    const operands = op.operands.map((id) => local.get(id) ?? id);
    const results = op.results.map((r) => {
      const id = roots.includes(r.id) ? r.id : (next++ as ValueId);
      local.set(r.id, id);
      return { ...r, id };
    });
    return { ...op, operands, results };
  };

  const loopOf = (op: OpOf<'loop'>, body: readonly RegionStep[]): readonly Op[] => [
    ...op.operands.flatMap(viewsOf),
    { ...op, attrs: { ...op.attrs, body: blockOf(op.attrs.body, body) } },
  ];

  const blockOf = (block: Block, steps: readonly RegionStep[]): Block => {
    const kept = block.ops.filter((op) => op.kind === 'input' || op.kind === 'weight' || isTable(op));
    const made = steps.flatMap((s) => (s.kind === 'region' ? opsOf(s.region) : loopOf(s.op, s.body)));
    return { ...block, ops: once([...kept, ...made, ...block.results.flatMap(viewsOf)]) };
  };

  const isTable = (op: Op): boolean =>
    op.kind === 'constant' && [...allOps(fused.graph.block)].some((l) => l.kind === 'loop' && reads(l, op));
  const reads = (loop: Op, op: Op): boolean => op.results.some((r) => loop.operands.includes(r.id));

  return { ...fused.graph, block: blockOf(fused.graph.block, fused.steps) };
}

/** Views of block results may come more than once. */
function once(ops: readonly Op[]): readonly Op[] {
  const seen = new Set<ValueId>();
  return ops.filter((op) => {
    const isNew = op.results.some((r) => !seen.has(r.id));
    for (const r of op.results) seen.add(r.id);
    return isNew;
  });
}
