/**
 * The order in which operands of products lie. The innermost loop of a product runs along its sum; an operand that lies along
 * it gives one element after the other to a row of a tile, and one that lies across it gives neighbours to neighbouring columns.
 * When both lie along the sum, the elements for a tile's columns are a whole line apart, and lines that are a power of two
 * long come to the same few places of a cache. A value that is stored for products alone can lie the other way round. A GPU
 * brings tiles to workgroup memory, where all orders are alike.
 */
import type { Axis, AxisId, Op, OpOf, ValueId } from '../../ir/graph.ts';
import type { FusedGraph } from '../../ir/region.ts';
import { present } from '../../support/invariant.ts';
import type { Scope } from './scope.ts';
import { termsOf } from './tile-space.ts';

export function layOut(scope: Scope, fused: FusedGraph): FusedGraph {
  const shared = new Set([...fused.aliases].flat());
  const layouts = new Map(
    [...fused.layouts].map(([id, axes]) => [id, (shared.has(id) ? undefined : betterOrder(scope, id)) ?? axes]),
  );
  return { ...fused, layouts };
}

/** The order in which fewer products have both operands along their sums; undefined where there is none, or others see the value. */
function betterOrder(scope: Scope, id: ValueId): readonly Axis[] | undefined {
  if (scope.classOfValue(id) !== 'pointwise' || scope.isResult(id)) return undefined;
  const axes = scope.axes(id);
  const isProduct = (op: Op): op is OpOf<'contract'> => op.kind === 'contract' && scope.classOf(op) === 'product';
  const products = scope.users(id).filter(isProduct);
  if (products.length < scope.users(id).length) return undefined;
  const uses = products.flatMap((op) => usesIn(op, id));
  const along = (order: readonly Axis[]): number =>
    uses.filter(({ summed, partner }) => isSummed(summed, order) && isSummed(summed, scope.axes(partner))).length;
  const { summed = [] } = uses.find((use) => isSummed(use.summed, axes)) ?? {};
  const order = [...axes.filter((a) => summed.includes(a.id)), ...axes.filter((a) => !summed.includes(a.id))];
  return along(order) < along(axes) ? order : undefined;
}

interface Use {
  readonly summed: readonly AxisId[];
  readonly partner: ValueId;
}

/** The terms of a product that have the value as an operand. */
function usesIn(op: OpOf<'contract'>, id: ValueId): readonly Use[] {
  return termsOf(op).flatMap(([left, right], k) => {
    const summed = present(op.attrs.terms[k], 'a term');
    return [...(left === id ? [{ summed, partner: right }] : []), ...(right === id ? [{ summed, partner: left }] : [])];
  });
}

/** Whether the elements that lie side by side are those of one sum. */
function isSummed(summed: readonly AxisId[], order: readonly Axis[]): boolean {
  const last = order.at(-1);
  return last !== undefined && summed.includes(last.id);
}
