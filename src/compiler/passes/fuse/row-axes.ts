import type { Axis, ValueId } from '../../ir/graph.ts';
import { elementsOf, hasAxis, isSubset } from '../../ir/tensor-type.ts';
import { sameAxisSet, show } from './axes.ts';
import type { Needs } from './needs.ts';
import { computedFrom } from './pull.ts';
import type { Scope } from './scope.ts';

/** The most elements of a value that one row stores when rows are not forced by a reduction. */
const LONGEST_FREE_ROW = 16384;

/** The axes over which the rows of some nodes are independent, or why there are none. */
export type RowAxes =
  | { readonly axes: readonly Axis[]; readonly refused?: undefined }
  | { readonly axes?: undefined; readonly refused: string };

/**
 * The rows that can hold all of `nodes`. Reductions fix them: all must have just the shared axes. Without reductions
 * they are the longest common beginning of the nodes' axes.
 */
export function rowAxes(scope: Scope, needs: Needs, nodes: readonly ValueId[]): RowAxes {
  const axesOf = (id: ValueId): readonly Axis[] => scope.writtenAxes(id);
  const inside = new Set(nodes);
  const widest = nodes.map(axesOf).reduce((a, b) => (b.length > a.length ? b : a));
  const reductions = nodes.filter((id) => scope.classOfValue(id) === 'reduction');
  const first = reductions[0];
  if (first !== undefined) {
    const shared = axesOf(first);
    const other = reductions.find((id) => !sameAxisSet(axesOf(id), shared));
    if (other !== undefined) return refuse(`its rows are ${show(axesOf(other))}, not ${show(shared)}`);
    const narrow = nodes.find((id) => !isSubset(shared, axesOf(id)));
    if (narrow !== undefined) return refuse(`a value over ${show(axesOf(narrow))} has no rows ${show(shared)}`);
    if (shared.length === 0 && nodes.some((id) => axesOf(id).length > 0)) {
      return refuse('a sum over everything would leave all the work to one row');
    }
    if (nodes.some((id) => isScattered(axesOf(id), shared))) {
      return refuse(`rows over ${show(shared)} are too few to store what is larger`);
    }
    if (!isAligned(scope, needs, nodes, inside, shared))
      return refuse(`it needs other rows than its own of ${show(shared)}`);
    return { axes: widest.filter((a) => hasAxis(shared, a.id)) };
  }
  if (widest.length === 0) return { axes: [] };
  const common = commonBeginning(nodes.map(axesOf));
  for (let n = common.length; n > 0; n--) {
    const shared = common.slice(0, n);
    if (nodes.some((id) => elementsOf(axesOf(id)) / elementsOf(shared) > LONGEST_FREE_ROW)) break;
    if (isAligned(scope, needs, nodes, inside, shared)) return { axes: shared };
  }
  if (nodes.length === 1) return { axes: widest };
  return refuse('their axes do not begin alike');
}

/** Whether a row has more elements than there are rows, and they lie apart: a sum over columns had better not store them. */
function isScattered(axes: readonly Axis[], shared: readonly Axis[]): boolean {
  const last = axes.at(-1);
  const rows = elementsOf(shared);
  return (
    last !== undefined && axes.length > shared.length && hasAxis(shared, last.id) && elementsOf(axes) > rows * rows
  );
}

function refuse(refused: string): RowAxes {
  return { refused };
}

function commonBeginning(lists: readonly (readonly Axis[])[]): readonly Axis[] {
  const [first = [], ...rest] = lists;
  const n = first.findIndex((axis, k) => rest.some((list) => list[k]?.id !== axis.id));
  return n < 0 ? first : first.slice(0, n);
}

/**
 * Whether `nodes` need each other at equal positions of `shared` only. An op that keeps an axis keeps its positions, so
 * it is enough that every value on the way from one node to another has all shared axes.
 */
export function isAligned(
  scope: Scope,
  needs: Needs,
  nodes: Iterable<ValueId>,
  inside: ReadonlySet<ValueId>,
  shared: readonly Axis[],
): boolean {
  const keeps = (id: ValueId): boolean => isSubset(shared, scope.axes(id));
  const leads = new Map<ValueId, boolean>();
  let aligned = true;
  const leadsInside = (id: ValueId): boolean => {
    const known = leads.get(id);
    if (known !== undefined) return known;
    leads.set(id, false);
    const operands = needs.nodes.has(id) || !scope.isSoft(id) ? [] : (scope.op(id)?.operands ?? []);
    const result = inside.has(id) || operands.map(leadsInside).some(Boolean);
    if (result && !keeps(id)) aligned = false;
    leads.set(id, result);
    return result;
  };
  for (const id of nodes) {
    const op = scope.op(id);
    if (op) for (const operand of computedFrom(op)) leadsInside(operand);
  }
  return aligned;
}
