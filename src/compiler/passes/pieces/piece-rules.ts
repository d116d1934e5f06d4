/**
 * How an op works on a piece of its operands: the elements of one n-th of an axis.
 *
 * Most ops make a piece of their result from pieces of their operands. A sum over the axis gives a part of the result, which the
 * parts of all pieces add up to. What looks along the axis in another way cannot be done in pieces.
 */
import type { AxisId, Op, OpAttrs, OpName, OpShape, TensorType, ValueId } from '../../ir/graph.ts';
import { operandOf, resultOf } from '../../ir/op-parts.ts';
import { axisOf } from '../../ir/tensor-type.ts';
import type { Builder, Note } from '../../ops/builder.ts';
import { axisCut, type Cut, leading, pieceAxis, pieceId } from './axis-names.ts';

interface PieceContext<K extends OpName = OpName> {
  readonly op: OpShape<K>;
  readonly cut: Cut;
  readonly typeOf: (id: ValueId) => TensorType;
}

/** Makes the op of a piece from pieces of the operands; operands that lack the axis are whole. */
export type MakePiece = (b: Builder, operands: readonly ValueId[], note: Note) => ValueId;

/** Undefined where it cannot be done in pieces. */
type Rule<K extends OpName> = (c: PieceContext<K>) => MakePiece | undefined;

/** The same op, with `attrs` that name the axis of the piece. */
function alike<K extends OpName>({ op }: PieceContext<K>, attrs: OpAttrs[K] = op.attrs): MakePiece {
  return (b, operands, note) => b.op(op.kind, attrs, operands, note);
}

const isCut = <K extends OpName>({ cut }: PieceContext<K>, ...ids: readonly AxisId[]): boolean =>
  ids.some((id) => cut.names.has(id));

const piecesOf = <K extends OpName>({ cut }: PieceContext<K>, ids: readonly AxisId[]): readonly AxisId[] =>
  ids.map((id) => pieceId(cut, id));

/** Every term has to have the axis: one without it would be added once for each piece. */
function pieceContract(c: PieceContext<'contract'>): MakePiece | undefined {
  const { operands, attrs } = c.op;
  const hasAxis = (id: ValueId | undefined): boolean => id !== undefined && !!axisCut(c.cut, c.typeOf(id).axes);
  const isWhole = attrs.terms.some((_, k) => !hasAxis(operands[2 * k]) && !hasAxis(operands[2 * k + 1]));
  return isWhole ? undefined : alike(c, { terms: attrs.terms.map((over) => piecesOf(c, over)) });
}

function pieceSplit(c: PieceContext<'split'>): MakePiece | undefined {
  const { from, into } = c.op.attrs;
  const first = leading(into);
  if (isCut(c, from) !== into.some(({ id }) => isCut(c, id))) return undefined;
  if (isCut(c, from) && !(first && isCut(c, first.id))) return undefined;
  return alike(c, { from: pieceId(c.cut, from), into: into.map((axis) => pieceAxis(c.cut, axis)) });
}

function pieceMerge(c: PieceContext<'merge'>): MakePiece | undefined {
  const { from, into } = c.op.attrs;
  const { axes } = c.typeOf(operandOf(c.op, 0));
  const first = leading(from.map((id) => axisOf(axes, id)));
  if (isCut(c, into.id) !== isCut(c, ...from)) return undefined;
  if (isCut(c, into.id) && !(first && isCut(c, first.id))) return undefined;
  return alike(c, { from: piecesOf(c, from), into: pieceAxis(c.cut, into) });
}

function pieceRename(c: PieceContext<'rename'>): MakePiece | undefined {
  const { from, to } = c.op.attrs;
  if (isCut(c, from) !== isCut(c, to.id)) return undefined;
  return alike(c, { from: pieceId(c.cut, from), to: pieceAxis(c.cut, to) });
}

function pieceScatter(c: PieceContext<'scatter_add'>): MakePiece | undefined {
  const { axis, axes } = c.op.attrs;
  if (isCut(c, axis.id)) return undefined;
  return alike(c, { axis, axes: axes.map((each) => pieceAxis(c.cut, each)) });
}

const never = (): undefined => undefined;

const RULES: { readonly [K in OpName]: Rule<K> } = {
  // What is made of nothing is made as a whole: positions and draws count from the first element.
  input: never,
  weight: never,
  constant: never,
  index: never,
  random: never,
  runtime: never,
  unary: (c) => alike(c),
  binary: (c) => alike(c),
  where: (c) => alike(c),
  cast: (c) => alike(c),
  expand: (c) => alike(c, { axes: c.op.attrs.axes.map((axis) => pieceAxis(c.cut, axis)) }),
  rename: pieceRename,
  split: pieceSplit,
  merge: pieceMerge,
  permute: (c) => alike(c, { axes: piecesOf(c, c.op.attrs.axes) }),
  slice: (c) => (isCut(c, c.op.attrs.from, c.op.attrs.into.id) ? undefined : alike(c)),
  pad: (c) => (isCut(c, c.op.attrs.from, c.op.attrs.into.id) ? undefined : alike(c)),
  pick: (c) => (isCut(c, c.op.attrs.axis) ? undefined : alike(c)),
  stack: (c) => (isCut(c, c.op.attrs.axis.id) ? undefined : alike(c)),
  sum: (c) => alike(c, { axes: piecesOf(c, c.op.attrs.axes) }),
  max: (c) => (isCut(c, ...c.op.attrs.axes) ? undefined : alike(c)),
  argmax: (c) => (isCut(c, c.op.attrs.axis) ? undefined : alike(c)),
  contract: pieceContract,
  gather: (c) => (isCut(c, c.op.attrs.axis) ? undefined : alike(c)),
  scatter_add: pieceScatter,
  put: never,
  recur: (c) => (isCut(c, c.op.attrs.over) ? undefined : alike(c)),
  stop_gradient: (c) => alike(c),
  step_total: never,
  // Of these, micro-batches are the pieces.
  attend: never,
  attend_backward_query: never,
  attend_backward_key: never,
  loop: never,
};

/**
 * How an op is done on a piece; undefined where it cannot be. Its result is a piece when it has the axis, else a part of a sum:
 * some operand has the axis then.
 */
export function pieceOf(op: Op, cut: Cut, typeOf: (id: ValueId) => TensorType): MakePiece | undefined {
  const types = [...op.operands.map(typeOf), ...op.results.map(({ type }) => type)];
  const counts = types.map(({ axes }) => axes.filter(({ id }) => cut.names.has(id)).length);
  if (counts.some((n) => n > 1) || !counts.includes(1)) return undefined;
  const isPart = !axisCut(cut, resultOf(op, 0).type.axes);
  if (isPart && resultOf(op, 0).type.kind !== 'float') return undefined;
  // The type checker does not see that an op and the rule of its kind belong together.
  const rule = RULES[op.kind] as (c: PieceContext) => MakePiece | undefined;
  return rule({ op, cut, typeOf });
}
