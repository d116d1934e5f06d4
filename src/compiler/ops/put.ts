/** A state with one position written. */
import { axisOf, sameAxes, withoutIds } from '../ir/tensor-type.ts';
import { invariant, present } from '../support/invariant.ts';
import type { OpDef } from './op-def.ts';
import { operandType, requireAxes, requireKind } from './shapes.ts';
import { offsetsOf, stridesOf } from './strided.ts';

export const put: { readonly put: OpDef<'put'> } = {
  put: {
    infer: (c) => {
      const [state, value, position] = [operandType(c, 0), operandType(c, 1), operandType(c, 2)];
      requireAxes(state, [c.attrs.axis]);
      requireKind(value, state.kind);
      requireKind(position, 'int');
      invariant(position.axes.length === 0, 'one position is put');
      invariant(sameAxes(value.axes, withoutIds(state.axes, [c.attrs.axis])), 'what is put has the other axes');
      return [state];
    },
    vjp: undefined,
    evaluate: (c) => {
      const [state, value, position] = c.operands.map((x) => present(x, 'operand'));
      const { type, data } = present(state, 'state');
      const place = present(position?.data[0], 'position');
      invariant(place >= 0 && place < axisOf(type.axes, c.attrs.axis).size, 'a position of the axis');
      const strides = stridesOf(type.axes);
      const rest = withoutIds(type.axes, [c.attrs.axis]);
      const places = offsetsOf(rest, strides, place * (strides.get(c.attrs.axis) ?? 0));
      const out = data.slice();
      places.forEach((at, i) => {
        out[at] = present(value?.data[i], 'an element');
      });
      return [out];
    },
  },
};
