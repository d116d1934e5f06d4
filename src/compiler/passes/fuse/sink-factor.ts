import type { Op, OpOf, ValueId } from '../../ir/graph.ts';
import { operandOf, resultOf } from '../../ir/op-parts.ts';
import { isSubset } from '../../ir/tensor-type.ts';
import { inferTypes } from '../../ops/infer.ts';
import { present } from '../../support/invariant.ts';
import type { Rewriter } from './normal-form.ts';
import type { Scope } from './scope.ts';
import { throughViews } from './views.ts';

/**
 * A product of something scaled as the scaled product of it, which takes no kernel that scales: for `x * s` in memory's
 * stead, where x lies in memory, s is the same all along the sum, and nothing but products reads `x * s`.
 */
export function sinkFactor(scope: Scope, r: Rewriter, op: OpOf<'contract'>): readonly Op[] {
  for (const side of [0, 1]) {
    const operand = operandOf(op, side);
    const scaled = sinkable(scope, op, operand);
    if (!scaled || !isOnlyMultiplied(scope, operand)) continue;
    const { scaling, x, s } = scaled;
    const operands = op.operands.map((id, k) => (k === side ? x : id));
    const bare: OpOf<'contract'> = { ...op, operands, results: [] };
    const product = r.fresh(present(inferTypes(bare, r.typeOf)[0], 'a type'));
    return [
      { ...bare, results: [product] },
      { ...scaling, operands: [product.id, s], results: op.results, span: op.span },
    ];
  }
  return [op];
}

function isOnlyMultiplied(scope: Scope, id: ValueId): boolean {
  return (
    !scope.isResult(id) &&
    scope.users(id).every((op) => op.kind === 'contract' && sinkable(scope, op, id) !== undefined)
  );
}

interface Scaled {
  readonly scaling: OpOf<'binary'>;
  readonly x: ValueId;
  readonly s: ValueId;
}

/** The operand of a product as x * s or x / s, with x in memory and s constant along the sum. */
function sinkable(scope: Scope, op: OpOf<'contract'>, operand: ValueId): Scaled | undefined {
  const scaling = scope.op(operand);
  if (op.attrs.terms.length !== 1 || scope.classOf(op) !== 'product') return undefined;
  if (scaling?.kind !== 'binary' || (scaling.attrs.fn !== 'mul' && scaling.attrs.fn !== 'div')) return undefined;
  const [a, b] = [operandOf(scaling, 0), operandOf(scaling, 1)];
  const isTurned = scaling.attrs.fn === 'mul' && scope.axes(a).length < scope.axes(b).length;
  const [x, s] = isTurned ? [b, a] : [a, b];
  const c = scope.classOfValue(throughViews(scope, x));
  if (c !== 'memory' && c !== 'own' && c !== 'loop') return undefined;
  const isFactor = scope.axes(s).length < scope.axes(x).length && isSubset(scope.axes(s), scope.axes(x));
  return isFactor && isSubset(scope.axes(s), resultOf(op, 0).type.axes) ? { scaling, x, s } : undefined;
}
