/** The scan over depth. */
import type { Axis, LoopAttrs, TensorType, ValueId } from '../ir/graph.ts';
import { describeType, elementsOf, sameType, withAxes } from '../ir/tensor-type.ts';
import { invariant, present } from '../support/invariant.ts';
import type { EvaluateContext, OpDef, Tensor } from './op-def.ts';
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

/** Slice i of a stacked tensor, as a view. */
function sliceOf({ type, data }: Tensor, i: number): Tensor {
  const axes = type.axes.slice(1);
  const size = elementsOf(axes);
  return { type: { ...type, axes }, data: data.subarray(i * size, (i + 1) * size) };
}

function scan({ attrs, operands, results, iteration, run }: EvaluateContext<'loop'>): readonly Float64Array[] {
  const { carried, axis } = attrs;
  const stacked = results.slice(carried).map((type) => new Float64Array(elementsOf(type.axes)));
  let state = operands.slice(0, carried);
  for (let step = 0; step < axis.size; step += 1) {
    const i = attrs.reverse ? axis.size - 1 - step : step;
    const slices = operands.slice(carried).map((x) => sliceOf(x, i));
    const given = run(attrs.body, [...state, ...slices], iteration * axis.size + i);
    state = given.slice(0, carried);
    given.slice(carried).forEach(({ data }, k) => {
      present(stacked[k], 'a stacked result').set(data, i * data.length);
    });
  }
  return [...state.map((x) => x.data), ...stacked];
}

export const loop: { readonly loop: OpDef<'loop'> } = {
  loop: {
    infer: (c) => {
      checkParams(c.attrs, c.operands);
      return resultTypes(c.attrs, c.typeOf);
    },
    vjp: undefined,
    evaluate: scan,
  },
};
