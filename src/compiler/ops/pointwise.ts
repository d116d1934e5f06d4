/** Ops that work at one element. */
import type { BinaryFunction, ElementKind, TensorType, UnaryFunction } from '../ir/graph.ts';
import { tensor, withAxes } from '../ir/tensor-type.ts';
import { invariant } from '../support/invariant.ts';
import type { OpDef } from './op-def.ts';
import { broadcastAxes, operandType, requireKind } from './shapes.ts';

const INT_UNARY: readonly UnaryFunction[] = ['neg', 'abs'];
const COMPARISONS: readonly BinaryFunction[] = ['eq', 'ne', 'lt', 'le', 'gt', 'ge'];

function unaryKinds(fn: UnaryFunction): readonly ElementKind[] {
  if (fn === 'not') return ['bool'];
  return INT_UNARY.includes(fn) ? ['float', 'int'] : ['float'];
}

function binaryKinds(fn: BinaryFunction): readonly ElementKind[] {
  if (fn === 'and' || fn === 'or') return ['bool'];
  if (fn === 'eq' || fn === 'ne') return ['float', 'int', 'bool'];
  return fn === 'div' || fn === 'pow' ? ['float'] : ['float', 'int'];
}

function binaryType(fn: BinaryFunction, a: TensorType, b: TensorType): TensorType {
  requireKind(a, ...binaryKinds(fn));
  requireKind(b, a.kind);
  const axes = broadcastAxes([a, b]);
  return COMPARISONS.includes(fn) ? tensor('bool', axes) : withAxes(a, axes);
}

export const pointwise: { readonly [K in 'unary' | 'binary' | 'where' | 'cast']: OpDef<K> } = {
  unary: {
    infer: (c) => {
      const type = operandType(c, 0);
      requireKind(type, ...unaryKinds(c.attrs.fn));
      return [type];
    },
  },
  binary: { infer: (c) => [binaryType(c.attrs.fn, operandType(c, 0), operandType(c, 1))] },
  where: {
    infer: (c) => {
      invariant(c.operands.length === 3, 'where has three operands');
      requireKind(operandType(c, 0), 'bool');
      requireKind(operandType(c, 2), operandType(c, 1).kind);
      return [withAxes(operandType(c, 1), broadcastAxes(c.operands))];
    },
  },
  cast: { infer: (c) => [tensor(c.attrs.to, operandType(c, 0).axes)] },
};
