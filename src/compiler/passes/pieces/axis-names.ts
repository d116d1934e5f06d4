/** An axis that is cut in pieces, under all names that it has in a set of ops. */
import type { Axis, AxisId, Op, TensorType, ValueId } from '../../ir/graph.ts';
import { operandOf } from '../../ir/op-parts.ts';
import { axisOf } from '../../ir/tensor-type.ts';

export interface Cut {
  /** The axis, and those into which it is renamed, split or merged so that a piece of the one is a piece of the other. */
  readonly names: ReadonlySet<AxisId>;
  readonly pieces: number;
}

/** Of axes that are row-major neighbours, the one of which a piece is a piece of all of them together. */
export function leading(axes: readonly Axis[]): Axis | undefined {
  return axes.find((axis) => axis.size > 1) ?? axes[0];
}

export function cutAlong(axis: Axis, pieces: number, ops: readonly Op[], typeOf: (id: ValueId) => TensorType): Cut {
  const names = new Set([axis.id]);
  const join = (a: Axis | undefined, b: Axis | undefined): void => {
    if (!a || !b || a.size % pieces !== 0 || b.size % pieces !== 0) return;
    if (names.has(a.id)) names.add(b.id);
    if (names.has(b.id)) names.add(a.id);
  };
  for (let before = 0; before !== names.size; ) {
    before = names.size;
    for (const op of ops) {
      if (op.kind === 'rename') join(axisOf(typeOf(operandOf(op, 0)).axes, op.attrs.from), op.attrs.to);
      if (op.kind === 'split') join(axisOf(typeOf(operandOf(op, 0)).axes, op.attrs.from), leading(op.attrs.into));
      if (op.kind === 'merge') {
        const { axes } = typeOf(operandOf(op, 0));
        join(leading(op.attrs.from.map((id) => axisOf(axes, id))), op.attrs.into);
      }
    }
  }
  return { names, pieces };
}

/** The axis of a piece; another axis stays itself. */
export function pieceAxis({ names, pieces }: Cut, axis: Axis): Axis {
  if (!names.has(axis.id)) return axis;
  return { id: pieceId({ names, pieces }, axis.id), name: axis.name, size: axis.size / pieces };
}

export function pieceId({ names, pieces }: Cut, id: AxisId): AxisId {
  return names.has(id) ? (`${id}.of.${pieces}` as AxisId) : id;
}

/** The axis of a value that is cut; undefined where it has none. */
export function axisCut({ names }: Cut, axes: readonly Axis[]): Axis | undefined {
  return axes.find((axis) => names.has(axis.id));
}
