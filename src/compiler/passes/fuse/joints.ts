import type { ValueId } from '../../ir/graph.ts';
import { elementsOf } from '../../ir/tensor-type.ts';
import type { Merger } from './merger.ts';
import { pull } from './pull.ts';

/**
 * Joints of the graph: pointwise values that several ops use and that are computed from several values as large, such as
 * the sums of a residual stream. Loading one is cheaper than computing it again, unless that splits a kernel in two.
 */
export function findJoints({ scope, needs }: Merger): readonly ValueId[] {
  const nodes = new Set(needs.nodes);
  const joints: ValueId[] = [];
  for (const { block, home } of scope.blocks) {
    if (home && !scope.isLive(home)) continue;
    for (const op of block.ops) {
      if (!scope.isLive(op) || scope.classOf(op) !== 'pointwise') continue;
      for (const { id, type } of op.results) {
        if (nodes.has(id) || type.axes.length === 0 || scope.users(id).length < 2) continue;
        const { reads } = pull(scope, { ...needs, nodes }, [id], new Set());
        const large = [...reads].filter((r) => elementsOf(scope.axes(r)) >= elementsOf(type.axes));
        if (large.length < 2) continue;
        nodes.add(id);
        joints.push(id);
      }
    }
  }
  return joints;
}
