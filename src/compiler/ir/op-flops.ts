import type { Op, TensorType, ValueId } from './graph.ts';
import { elementsOf } from './tensor-type.ts';

/** Operations of an op that is no attention: one for each element of pointwise ops, two for each product of a sum. */
export function opFlops(op: Op, result: TensorType, typeOf: (id: ValueId) => TensorType | undefined): number {
  const elements = elementsOf(result.axes);
  const axesOf = (i: number) => {
    const id = op.operands[i];
    return (id === undefined ? undefined : typeOf(id)?.axes) ?? [];
  };
  switch (op.kind) {
    case 'unary':
    case 'binary':
      return result.kind === 'float' ? elements : 0;
    case 'sum':
    case 'max':
    case 'argmax':
      return elementsOf(axesOf(0));
    case 'recur':
      return 2 * elements;
    case 'contract': {
      const summed = op.attrs.terms.map((axes, i) =>
        elementsOf(axesOf(2 * i).filter((axis) => axes.includes(axis.id))),
      );
      return 2 * elements * summed.reduce((a, b) => a + b, 0);
    }
    default:
      return 0;
  }
}
