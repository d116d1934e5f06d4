import type { Matmul, MatrixLayout } from '../ir/matmul.ts';
import type { ProductRegion } from '../ir/region.ts';
import { CELL, heldAs } from '../ir/storage-type.ts';
import { matrixForms, type PlacedMatrix } from '../ops/matrix-form.ts';
import { InternalError, invariant, present } from '../support/invariant.ts';
import { type LowerContext, opOf } from './context.ts';

/**
 * What a library is given for a region: one product for each term, of which all but the first add to the result; the first too, when
 * the region adds to a sum in place.
 */
export function matmulsOf(context: LowerContext, region: ProductRegion): readonly Matmul[] {
  const root = present(region.roots[0], 'a root');
  const product = present(region.parts[0]?.accumulators[0], 'a product');
  const op = opOf(context, product);
  invariant(op?.kind === 'contract', `${region.name} is a contraction`);
  const forms = matrixForms(op, {
    axesOf: (id) => context.value(id).type.axes,
    opOf: (id) => opOf(context, id),
    layoutOf: (id) => (id === product || region.reads.includes(id) ? context.layoutOf(id) : undefined),
  });
  return present(forms, `matrices of ${region.name}`).map(({ left, right, result, ...sizes }, k): Matmul => {
    const layoutOf = ({ value, ...layout }: PlacedMatrix): MatrixLayout => ({
      type: typeOf(context, value),
      ...layout,
    });
    const to = { ...result, value: root };
    const accumulate = k > 0 || root !== product;
    const shape = { ...sizes, left: layoutOf(left), right: layoutOf(right), result: layoutOf(to), accumulate };
    return { shape, left: left.value, right: right.value, result: root };
  });
}

function typeOf(context: LowerContext, id: Matmul['left']): MatrixLayout['type'] {
  const held = heldAs(CELL[context.value(id).type.storage], context.limits);
  if (held === 'f32' || held === 'f16' || held === 'bf16') return held;
  throw new InternalError(`value ${id} of a matrix is ${held}`);
}
