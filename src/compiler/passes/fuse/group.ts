import type { Axis, Op, OpOf, ValueId } from '../../ir/graph.ts';
import { resultOf } from '../../ir/op-parts.ts';
import type { OpRegion } from '../../ir/region.ts';
import { axisOf } from '../../ir/tensor-type.ts';
import { present } from '../../support/invariant.ts';
import { isTable, type Needs } from './needs.ts';
import type { Part } from './parts.ts';
import { pull } from './pull.ts';
import { rowAxes } from './row-axes.ts';
import type { Scope } from './scope.ts';

export type OwnOp = OpRegion['op'];

/** A region in the making, or a loop among regions. Groups never change: merging two makes a third. */
export interface Group {
  readonly id: number;
  readonly kind: GroupKind;
  /** Values of the group on which others may depend. */
  readonly nodes: ReadonlySet<ValueId>;
  readonly members: ReadonlySet<ValueId>;
  /** What it loads: nodes of other groups and memory. */
  readonly reads: ReadonlySet<ValueId>;
}

export type GroupKind =
  | { readonly kind: 'rows'; readonly shared: readonly Axis[] }
  | { readonly kind: 'product'; readonly parts: readonly GroupPart[] }
  | { readonly kind: 'scan'; readonly over: Axis; readonly reverse: boolean }
  | { readonly kind: 'op'; readonly op: OwnOp }
  | { readonly kind: 'loop'; readonly op: OpOf<'loop'> };

export interface GroupPart extends Pick<Part, 'space' | 'contracts' | 'nodes'> {
  readonly reads: ReadonlySet<ValueId>;
}

/** What one block starts from: every part, every op with its own kernel, every loop and every other node by itself. */
export function firstGroups(scope: Scope, needs: Needs, ops: readonly Op[], parts: readonly Part[]): readonly Group[] {
  const groups: Group[] = [];
  const taken = new Set<ValueId>();
  const add = (kind: GroupKind, nodes: readonly ValueId[], roots: readonly ValueId[]): void => {
    const inside = new Set(nodes);
    for (const id of nodes) taken.add(id);
    const pulled = pull(scope, needs, roots, inside);
    groups.push({ id: groups.length, kind, nodes: inside, ...pulled });
  };

  for (const part of parts) {
    const { reads } = pull(scope, needs, part.roots, part.nodes);
    add({ kind: 'product', parts: [{ ...part, reads }] }, [...part.nodes], part.roots);
  }
  for (const op of ops) {
    if (!scope.isLive(op)) continue;
    const results = op.results.map((r) => r.id);
    if (op.kind === 'loop') {
      const inputs = [...op.operands.filter((_, k) => !isTable(scope, op, k)), ...scope.captures(op)];
      const { reads } = pull(scope, needs, inputs, new Set());
      groups.push({
        id: groups.length,
        kind: { kind: 'loop', op },
        nodes: new Set(results),
        members: new Set(),
        reads,
      });
    } else if (isOwn(op)) {
      const { reads, members } = pull(scope, needs, op.operands, new Set());
      const all = new Set([...members, ...results]);
      groups.push({ id: groups.length, kind: { kind: 'op', op }, nodes: new Set(results), members: all, reads });
    } else if (op.kind === 'recur') {
      add(
        { kind: 'scan', over: axisOf(scope.axes(resultOf(op, 0).id), op.attrs.over), reverse: op.attrs.reverse },
        results,
        results,
      );
    } else {
      for (const id of results) {
        if (!needs.nodes.has(id) || taken.has(id)) continue;
        add({ kind: 'rows', shared: present(rowAxes(scope, needs, [id]).axes, 'axes of one node') }, [id], [id]);
      }
    }
  }
  return groups;
}

function isOwn(op: Op): op is OwnOp {
  return op.kind.startsWith('attend') || op.kind === 'scatter_add';
}
