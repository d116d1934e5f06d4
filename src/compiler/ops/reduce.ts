/** Reductions over axes. */
import { tensor, withAxes, withoutIds } from '../ir/tensor-type.ts';
import type { OpDef } from './op-def.ts';
import { operandType, requireAxes, requireKind } from './shapes.ts';

export const reduce: { readonly [K in 'sum' | 'max' | 'argmax']: OpDef<K> } = {
  sum: {
    infer: (c) => {
      const type = operandType(c, 0);
      requireKind(type, 'float', 'int');
      requireAxes(type, c.attrs.axes);
      return [withAxes(type, withoutIds(type.axes, c.attrs.axes))];
    },
  },
  max: {
    infer: (c) => {
      const type = operandType(c, 0);
      requireKind(type, 'float', 'int');
      requireAxes(type, c.attrs.axes);
      return [withAxes(type, withoutIds(type.axes, c.attrs.axes))];
    },
  },
  argmax: {
    infer: (c) => {
      const type = operandType(c, 0);
      requireKind(type, 'float', 'int');
      requireAxes(type, [c.attrs.axis]);
      return [tensor('int', withoutIds(type.axes, [c.attrs.axis]))];
    },
  },
};
