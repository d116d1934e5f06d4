/**
 * Whether a contraction is a product of matrices as they lie in memory: its axes fall into batch, rows, columns and depth (what is
 * summed), and those of each kind have to be one axis to both tensors that have them, a longer one that is counted through.
 */
import type { Axis, AxisId, Op, OpOf, ValueId } from '../ir/graph.ts';
import type { MatrixLayout } from '../ir/matmul.ts';
import { operandOf, resultOf } from '../ir/op-parts.ts';
import { elementsOf, hasAxis } from '../ir/tensor-type.ts';
import { present } from '../support/invariant.ts';
import { stridesOf } from './strided.ts';

/** What the analysis looks up in a graph. */
export interface MatrixSource {
  readonly axesOf: (id: ValueId) => readonly Axis[];
  /** The op that makes a value; undefined for parameters. */
  readonly opOf: (id: ValueId) => Op | undefined;
  /** The axes of a value in the order in which they lie, when it is loaded from memory; undefined when it is not. */
  readonly layoutOf: (id: ValueId) => readonly Axis[] | undefined;
}

/** A matrix in memory; its type is not looked at. */
export interface PlacedMatrix extends Omit<MatrixLayout, 'type'> {
  readonly value: ValueId;
}

/** One term of a contraction. */
export interface MatrixForm {
  readonly batch: number;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly left: PlacedMatrix;
  readonly right: PlacedMatrix;
  readonly result: PlacedMatrix;
}

/** The terms of a contraction as products of matrices; undefined unless all of them are. */
export function matrixForms(op: OpOf<'contract'>, source: MatrixSource): readonly MatrixForm[] | undefined {
  const forms = op.attrs.terms.map((_, k) => formOf(op, k, source));
  return forms.every((form) => form !== undefined) ? forms : undefined;
}

/** Sizes of one term of a contraction, wherever its operands lie. */
export function matrixSizes(
  op: OpOf<'contract'>,
  term: number,
  axesOf: MatrixSource['axesOf'],
): Pick<MatrixForm, 'batch' | 'rows' | 'columns' | 'depth'> {
  const { batch, rows, columns, depth } = axisGroups(op, term, axesOf);
  return {
    batch: elementsOf(batch),
    rows: elementsOf(rows),
    columns: elementsOf(columns),
    depth: elementsOf(depth),
  };
}

function axisGroups(op: OpOf<'contract'>, term: number, axesOf: MatrixSource['axesOf']) {
  const left = axesOf(operandOf(op, 2 * term));
  const right = axesOf(operandOf(op, 2 * term + 1));
  const summed = present(op.attrs.terms[term], 'a term');
  const { axes } = resultOf(op, 0).type;
  const isIn = (of: readonly Axis[]) => (axis: Axis) => hasAxis(of, axis.id);
  return {
    batch: axes.filter(isIn(left)).filter(isIn(right)),
    rows: axes.filter((axis) => !hasAxis(right, axis.id)),
    columns: axes.filter((axis) => !hasAxis(left, axis.id)),
    depth: left.filter((axis) => summed.includes(axis.id)),
  };
}

function formOf(op: OpOf<'contract'>, term: number, source: MatrixSource): MatrixForm | undefined {
  const groups = axisGroups(op, term, source.axesOf);
  const { id, type } = resultOf(op, 0);
  const a = placed(operandOf(op, 2 * term), source);
  const b = placed(operandOf(op, 2 * term + 1), source);
  if (!a || !b) return undefined;
  const d: Placed = { value: id, strides: stridesOf(source.layoutOf(id) ?? type.axes) };
  const batch = oneAxis(groups.batch, [d, a, b]);
  const rows = oneAxis(groups.rows, [d, a]);
  const columns = oneAxis(groups.columns, [d, b]);
  const depth = oneAxis(groups.depth, [a, b]);
  if (!batch || !rows || !columns || !depth) return undefined;
  const sizes = { batch: batch.size, rows: rows.size, columns: columns.size, depth: depth.size };
  const left = linesOf(a, rows, depth, batch);
  const right = linesOf(b, depth, columns, batch);
  const result = linesOf(d, rows, columns, batch);
  if (!left || !right || !result) return undefined;
  if (!result.transposed) return { ...sizes, left, right, result };
  // The transpose of a product is the product of the transposes, in the other order.
  const turned = (matrix: PlacedMatrix): PlacedMatrix => ({ ...matrix, transposed: !matrix.transposed });
  return {
    ...sizes,
    rows: columns.size,
    columns: rows.size,
    left: turned(right),
    right: turned(left),
    result: turned(result),
  };
}

/** A stored value, and how far apart the neighbours along each axis lie by which a product sees it. */
interface Placed {
  readonly value: ValueId;
  readonly strides: ReadonlyMap<AxisId, number>;
}

/** The stored value of which `id` is a view; undefined when it is none, or no strides lead through the view. */
function placed(id: ValueId, source: MatrixSource): Placed | undefined {
  const layout = source.layoutOf(id);
  if (layout) return { value: id, strides: stridesOf(layout) };
  const op = source.opOf(id);
  if (!op || !isView(op)) return undefined;
  const origin = placed(operandOf(op, 0), source);
  const strides = origin && stridesThrough(op, origin.strides, source.axesOf(operandOf(op, 0)));
  return strides && { value: origin.value, strides };
}

type View = OpOf<'rename'> | OpOf<'split'> | OpOf<'merge'> | OpOf<'permute'>;

function isView(op: Op): op is View {
  return op.kind === 'rename' || op.kind === 'split' || op.kind === 'merge' || op.kind === 'permute';
}

/** Strides of a view's result. A merged axis has one only where its parts are one axis in memory. */
function stridesThrough(
  op: View,
  before: ReadonlyMap<AxisId, number>,
  axes: readonly Axis[],
): ReadonlyMap<AxisId, number> | undefined {
  const after = new Map(before);
  const strideOf = (id: AxisId): number => present(before.get(id), `stride of axis ${id}`);
  switch (op.kind) {
    case 'permute':
      return after;
    case 'rename':
      after.delete(op.attrs.from);
      return after.set(op.attrs.to.id, strideOf(op.attrs.from));
    case 'split': {
      after.delete(op.attrs.from);
      const inner = stridesOf(op.attrs.into);
      for (const { id } of op.attrs.into) after.set(id, strideOf(op.attrs.from) * present(inner.get(id), 'a stride'));
      return after;
    }
    case 'merge': {
      const from = op.attrs.from.map((id) =>
        present(
          axes.find((axis) => axis.id === id),
          `axis ${id}`,
        ),
      );
      const last = from.filter(({ size }) => size > 1).at(-1);
      if (!isCountedThrough(from, before)) return undefined;
      for (const id of op.attrs.from) after.delete(id);
      return after.set(op.attrs.into.id, last ? strideOf(last.id) : 1);
    }
  }
}

/** Whether axes, in this order, are one longer axis in memory. */
function isCountedThrough(axes: readonly Axis[], strides: ReadonlyMap<AxisId, number>): boolean {
  const long = axes.filter(({ size }) => size > 1);
  return long.every((axis, k) => {
    const next = long[k + 1];
    return !next || strides.get(axis.id) === (strides.get(next.id) ?? Number.NaN) * next.size;
  });
}

/** Axes that are one to all of some tensors. */
interface JoinedAxis {
  readonly size: number;
  /** By tensor. */
  readonly strides: ReadonlyMap<Placed, number>;
}

function oneAxis(axes: readonly Axis[], tensors: readonly [Placed, ...Placed[]]): JoinedAxis | undefined {
  const [first] = tensors;
  const long = axes.filter(({ size }) => size > 1);
  const far = ({ id }: Axis): number => first.strides.get(id) ?? 0;
  const order = [...long].sort((a, b) => far(b) - far(a));
  if (!tensors.every(({ strides }) => isCountedThrough(order, strides))) return undefined;
  const last = order.at(-1);
  const strides = tensors.map(
    (t) => [t, last ? present(t.strides.get(last.id), `stride of axis ${last.id}`) : 0] as const,
  );
  return { size: elementsOf(long), strides: new Map(strides) };
}

/** A matrix whose rows or whose columns are lines of neighbours; undefined where neither are. */
function linesOf(tensor: Placed, rows: JoinedAxis, columns: JoinedAxis, batch: JoinedAxis): PlacedMatrix | undefined {
  const stride = (axis: JoinedAxis): number => axis.strides.get(tensor) ?? 0;
  const along = (line: JoinedAxis, across: JoinedAxis, transposed: boolean): PlacedMatrix | undefined => {
    if (line.size > 1 && stride(line) !== 1) return undefined;
    const leading = across.size > 1 ? stride(across) : line.size;
    const batchStride = batch.size > 1 ? stride(batch) : 0;
    return { value: tensor.value, leading, transposed, batchStride };
  };
  return along(columns, rows, false) ?? along(rows, columns, true);
}
