import type { Axis, AxisId, Op, OpOf, ValueId } from '../../ir/graph.ts';
import { hasAxis, sameAxes } from '../../ir/tensor-type.ts';
import { inferTypes } from '../../ops/infer.ts';
import { present } from '../../support/invariant.ts';
import type { Rewriter } from './normal-form.ts';
import { termsOf } from './tile-space.ts';

export type SinkableView = OpOf<'rename'> | OpOf<'split'> | OpOf<'merge'>;

export function isSinkable(op: Op): op is SinkableView {
  return op.kind === 'rename' || op.kind === 'split' || op.kind === 'merge';
}

/**
 * The contraction of views that gives what `view` gives of `product`; undefined when there is none. An axis that is
 * summed and that the view would bring in again, as when a weight is square, gets another identity in its term.
 */
export function sinkView(r: Rewriter, view: SinkableView, product: OpOf<'contract'>): readonly Op[] | undefined {
  const result = present(view.results[0], 'a result');
  const gone = view.kind === 'merge' ? view.attrs.from : [view.attrs.from];
  const comes = result.type.axes.filter((a) => !hasAxis(r.axesOf(present(view.operands[0], 'an operand')), a.id));
  const views: Op[] = [];
  const see = (id: ValueId, make: (id: ValueId) => SinkableView): ValueId => {
    const op = make(id);
    const value = r.fresh(present(inferTypes(op, r.typeOf)[0], 'a type'));
    views.push({ ...op, results: [value] });
    return value.id;
  };

  const terms: AxisId[][] = [];
  const operands: ValueId[] = [];
  for (const [k, pair] of termsOf(product).entries()) {
    const summed = present(product.attrs.terms[k], 'a term');
    const clashes = comes.filter((a) => pair.some((id) => hasAxis(r.axesOf(id), a.id)));
    if (clashes.some((a) => !summed.includes(a.id))) return undefined;
    const renamed = new Map(clashes.map((a): [AxisId, Axis] => [a.id, otherAxis(a)]));
    terms.push(summed.map((id) => renamed.get(id)?.id ?? id));
    for (const operand of pair) {
      const has = gone.filter((id) => hasAxis(r.axesOf(operand), id));
      if (has.length > 0 && has.length < gone.length) return undefined;
      let id = operand;
      for (const [from, to] of renamed) {
        id = see(id, (x) => ({ kind: 'rename', attrs: { from, to }, operands: [x], results: [], span: view.span }));
      }
      operands.push(has.length === 0 ? id : see(id, (x) => ({ ...view, operands: [x], results: [] })));
    }
  }
  const named = { ...result, name: result.name ?? product.results[0]?.name };
  const contract: OpOf<'contract'> = { ...product, attrs: { terms }, operands, results: [named] };
  const type = present(inferTypes(contract, r.typeOf)[0], 'a type');
  return sameAxes(type.axes, result.type.axes) ? [...views, contract] : undefined;
}

function otherAxis(axis: Axis): Axis {
  return { ...axis, id: `${axis.id}'` as AxisId };
}
