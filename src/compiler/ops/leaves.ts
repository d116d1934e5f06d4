/** Ops without operands, the identity ops, and what must be known of them. */
import type { OpName, TensorType } from '../ir/graph.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import { invariant, present } from '../support/invariant.ts';
import type { InferContext, OpDef } from './op-def.ts';
import { operandType } from './shapes.ts';

function declared<K extends OpName>(
  { declared, operands }: InferContext<K>,
  ...kinds: TensorType['kind'][]
): TensorType {
  const type = present(declared, 'the type of a leaf');
  invariant(operands.length === 0, 'a leaf has no operands');
  invariant(kinds.includes(type.kind), `a leaf of kind ${type.kind}`);
  return type;
}

export const leaves: {
  readonly [K in
    | 'input'
    | 'weight'
    | 'constant'
    | 'index'
    | 'random'
    | 'runtime'
    | 'stop_gradient'
    | 'step_total']: OpDef<K>;
} = {
  input: { infer: (c) => [declared(c, 'float', 'int', 'bool')] },
  weight: { infer: (c) => [declared(c, 'float')] },
  constant: {
    infer: (c) => {
      const type = declared(c, 'float', 'int', 'bool');
      invariant(type.axes.length <= 1, 'a constant has at most one axis');
      invariant(c.attrs.values.length === elementsOf(type.axes), 'a constant has a value for each element');
      return [type];
    },
  },
  index: { infer: (c) => [declared(c, 'int')] },
  random: { infer: (c) => [declared(c, 'float')] },
  runtime: {
    infer: (c) => {
      const type = declared(c, 'float');
      invariant(type.axes.length === 0, 'a runtime scalar has no axes');
      return [type];
    },
  },
  stop_gradient: { infer: (c) => [operandType(c, 0)] },
  step_total: { infer: (c) => [operandType(c, 0)] },
};
