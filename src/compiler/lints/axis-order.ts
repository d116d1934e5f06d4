import type { Axis, Block, Graph, OpOf, ValueId } from '../ir/graph.ts';
import { allOps, blocksOf } from '../ir/walk-graph.ts';
import { type Lint, warning } from './lint.ts';

/** Where the order decides what stands last, and a reduction over what stands last follows. */
export const axisOrder: Lint = {
  name: 'axis-order',
  summary: 'operands with the same axes in another order, in front of a reduction over the last one',
  run: ({ graph }) => {
    const axes = axesIn(graph);
    const blocks = [graph.block, ...graph.block.ops.flatMap(blocksOf)];
    return blocks.flatMap((block) =>
      block.ops.flatMap((op) => {
        if (op.kind !== 'binary') return [];
        const [a = [], b = []] = op.operands.map((id) => axes.get(id) ?? []);
        const same = a.length === b.length && a.every((axis) => b.some((other) => other.id === axis.id));
        // The order of what a loop carries was settled before.
        const settled = block.params.some((param) => sameOrder(param.type.axes, a));
        if (!same || settled || a.at(-1)?.id === b.at(-1)?.id || !lastIsReduced(op, a, block)) return [];
        return [warning('axis-order', { left: shownAxes(a), right: shownAxes(b) }, { span: op.span })];
      }),
    );
  },
};

function sameOrder(a: readonly Axis[], b: readonly Axis[]): boolean {
  return a.length === b.length && a.every((axis, i) => axis.id === b[i]?.id);
}

/** By an op behind nothing but pointwise ops. */
function lastIsReduced(start: OpOf<'binary'>, axes: readonly Axis[], block: Block): boolean {
  const last = axes.at(-1)?.id;
  const reached = new Set<ValueId>(start.results.map((result) => result.id));
  return block.ops.some((op) => {
    if (!op.operands.some((id) => reached.has(id))) return false;
    if (op.kind === 'sum' || op.kind === 'max') return op.attrs.axes.length === 1 && op.attrs.axes[0] === last;
    if (op.kind === 'unary' || op.kind === 'binary' || op.kind === 'where')
      for (const result of op.results) if (sameOrder(result.type.axes, axes)) reached.add(result.id);
    return false;
  });
}

function axesIn({ block }: Graph): ReadonlyMap<ValueId, readonly Axis[]> {
  const axes = new Map<ValueId, readonly Axis[]>();
  for (const op of allOps(block)) {
    const params = blocksOf(op).flatMap((inner) => inner.params);
    for (const value of [...op.results, ...params]) axes.set(value.id, value.type.axes);
  }
  return axes;
}

function shownAxes(axes: readonly Axis[]): string {
  return `[${axes.map((axis) => axis.name).join(', ')}]`;
}
