/** The scan over depth. */
import type { Axis, LoopAttrs, TensorType, ValueId } from '../ir/graph.ts';
import { describeType, sameType, withAxes } from '../ir/tensor-type.ts';
import { invariant, present } from '../support/invariant.ts';
import type { OpDef } from './op-def.ts';
import { distinct } from './shapes.ts';

/** The type that one iteration sees of a stacked value. */
export function sliceType(stacked: TensorType, axis: Axis): TensorType {
  invariant(stacked.axes[0]?.id === axis.id, `the first axis of a stacked value is ${axis.name}`);
  return withAxes(stacked, stacked.axes.slice(1));
}

function checkSame(what: string, a: TensorType, b: TensorType): void {
  invariant(sameType(a, b), `${what}: ${describeType(a)} and ${describeType(b)}`);
}

function checkParams({ axis, carried, body }: LoopAttrs, operands: readonly TensorType[]): void {
  invariant(body.params.length === operands.length, 'a loop has a parameter for each operand');
  operands.forEach((type, i) => {
    const wanted = i < carried ? type : sliceType(type, axis);
    checkSame(`parameter ${i} of a loop`, present(body.params[i], 'a parameter').type, wanted);
  });
}

function resultTypes({ carried, body, axis }: LoopAttrs, typeOf: (id: ValueId) => TensorType): readonly TensorType[] {
  invariant(carried <= body.params.length && carried <= body.results.length, 'a loop gives what it carries');
  return body.results.map((id, i) => {
    const type = typeOf(id);
    if (i >= carried) return withAxes(type, distinct([axis, ...type.axes]));
    checkSame(`carried value ${i} of a loop`, type, present(body.params[i], 'a parameter').type);
    return type;
  });
}

export const loop: { readonly loop: OpDef<'loop'> } = {
  loop: {
    infer: (c) => {
      checkParams(c.attrs, c.operands);
      return resultTypes(c.attrs, c.typeOf);
    },
  },
};
