/** What the rules of `simplify` see of the graph, and how they make ops. */
import type { Axis, ElementKind, Op, OpAttrs, OpName, OpOf, TensorType, ValueId } from '../../ir/graph.ts';
import { operandOf } from '../../ir/op-parts.ts';
import { sameAxes, tensor } from '../../ir/tensor-type.ts';

export interface Rewriter {
  readonly typeOf: (id: ValueId) => TensorType;
  /** The op that defines a value; undefined for a parameter. */
  readonly definition: (id: ValueId) => Op | undefined;
  /** A simplified op of one result: a value that there is, or a new one. */
  readonly make: <K extends OpName>(
    kind: K,
    attrs: OpAttrs[K],
    operands: readonly ValueId[],
    type?: TensorType,
  ) => ValueId;
}

/** The op of that kind that defines a value. */
export function made<K extends OpName>(r: Rewriter, id: ValueId, kind: K): OpOf<K> | undefined {
  const op = r.definition(id);
  return op !== undefined && isKind(op, kind) ? op : undefined;
}

function isKind<K extends OpName>(op: Op, kind: K): op is OpOf<K> {
  return op.kind === kind;
}

/** The number that all elements of a value are, if that is known: a constant, or its elements moved. */
export function uniform(r: Rewriter, id: ValueId): number | undefined {
  const op = r.definition(id);
  switch (op?.kind) {
    case 'constant': {
      const [first] = op.attrs.values;
      return op.attrs.values.every((v) => Object.is(v, first)) ? first : undefined;
    }
    case 'expand':
    case 'rename':
    case 'split':
    case 'merge':
    case 'permute':
    case 'slice':
    case 'pick':
      return uniform(r, operandOf(op, 0));
    default:
      return undefined;
  }
}

export function makeScalar(r: Rewriter, value: number, kind: ElementKind): ValueId {
  return r.make('constant', { values: [value] }, [], tensor(kind, []));
}

/** The value of which every element is `value`. */
export function makeUniform(r: Rewriter, value: number, kind: ElementKind, axes: readonly Axis[]): ValueId {
  return makeExpand(r, makeScalar(r, value, kind), axes);
}

export function makeExpand(r: Rewriter, x: ValueId, axes: readonly Axis[]): ValueId {
  return axes.length === 0 ? x : r.make('expand', { axes }, [x]);
}

export function makePermute(r: Rewriter, x: ValueId, axes: readonly Axis[]): ValueId {
  return sameAxes(r.typeOf(x).axes, axes) ? x : r.make('permute', { axes: axes.map((a) => a.id) }, [x]);
}
