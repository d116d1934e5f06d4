/** Ops without operands, and the identities that mean something. */
import type { OpName, TensorType } from '../ir/graph.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import { invariant, present } from '../support/invariant.ts';
import { randomKey, randomUniform } from '../support/random.ts';
import type { EvaluateContext, InferContext, OpDef } from './op-def.ts';
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

/** The elements of the only result, each from its place. */
function fill<K extends OpName>(
  { results }: EvaluateContext<K>,
  element: (i: number) => number,
): readonly Float64Array[] {
  return results.map(({ axes }) => new Float64Array(elementsOf(axes)).map((_, i) => element(i)));
}

function same<K extends OpName>({ operands }: EvaluateContext<K>): readonly Float64Array[] {
  return operands.map((x) => x.data);
}

/** Elements from outside, of which there must be as many as the type has. */
function given<K extends OpName>(
  { results }: EvaluateContext<K>,
  data: Float64Array | undefined,
  name: string,
): readonly Float64Array[] {
  const size = elementsOf(present(results[0], 'a result').axes);
  const found = present(data, name);
  invariant(found.length === size, `${name} has ${found.length} elements, not ${size}`);
  return [found];
}

type Leaf = 'input' | 'weight' | 'constant' | 'index' | 'random' | 'runtime' | 'stop_gradient' | 'step_total';

export const leaves: { readonly [K in Leaf]: OpDef<K> } = {
  input: {
    infer: (c) => [declared(c, 'float', 'int', 'bool')],
    vjp: undefined,
    evaluate: (c) => given(c, c.host.inputs.get(c.attrs.name), `input ${c.attrs.name}`),
  },
  weight: {
    infer: (c) => [declared(c, 'float')],
    vjp: undefined,
    evaluate: (c) => given(c, c.host.weights.get(c.attrs.weight), `weight ${c.attrs.weight}`),
  },
  constant: {
    infer: (c) => {
      const type = declared(c, 'float', 'int', 'bool');
      invariant(type.axes.length <= 1, 'a constant has at most one axis');
      invariant(c.attrs.values.length === elementsOf(type.axes), 'a constant has a value for each element');
      return [type];
    },
    vjp: undefined,
    evaluate: (c) => [Float64Array.from(c.attrs.values)],
  },
  index: {
    infer: (c) => [declared(c, 'int')],
    vjp: undefined,
    evaluate: (c) => fill(c, (i) => i),
  },
  random: {
    infer: (c) => [declared(c, 'float')],
    vjp: undefined,
    evaluate: (c) => {
      const key = randomKey(c.attrs.path);
      const { seed, micro, runtime } = c.host;
      return fill(c, (i) => randomUniform(key, [seed, runtime.step, micro, c.iteration, i]));
    },
  },
  runtime: {
    infer: (c) => {
      const type = declared(c, 'float');
      invariant(type.axes.length === 0, 'a runtime scalar has no axes');
      return [type];
    },
    vjp: undefined,
    evaluate: (c) => fill(c, () => c.host.runtime[c.attrs.scalar]),
  },
  stop_gradient: { infer: (c) => [operandType(c, 0)], vjp: undefined, evaluate: same },
  /** The reference runs one micro-batch a step. */
  step_total: {
    infer: (c) => [operandType(c, 0)],
    vjp: ({ gradients: [g] }) => [() => present(g, 'a gradient')],
    evaluate: same,
  },
};
