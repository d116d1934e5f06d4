/** Making ops. What users can get wrong has been checked before; here types follow from the shape rules. */
import type { Axis, ElementKind, Value as IrValue, Op, OpAttrs, OpName, TensorType, ValueId } from '../ir/graph.ts';
import { tensor as tensorType } from '../ir/tensor-type.ts';
import { ops } from '../ops/table.ts';
import { invariant, present } from '../support/invariant.ts';
import type { Span } from '../support/source.ts';
import { refuse, type Session } from './session.ts';
import type { Tensor } from './value.ts';

export function freshValue(session: Session, type: TensorType): IrValue {
  const id = session.nextId as ValueId;
  session.nextId += 1;
  const value: IrValue = { id, type, name: undefined };
  session.observer?.made(value);
  return value;
}

export function tensorOf(value: IrValue, learned: boolean, inner = false): Tensor {
  return { kind: 'tensor', value, learned, inner, mean: undefined };
}

/** Adds an op and gives its results. Ops that need an element of an open `attend` block go into the block. */
export function emitAll<K extends OpName>(
  session: Session,
  kind: K,
  attrs: OpAttrs[K],
  operands: readonly Tensor[],
  span: Span,
  declared?: TensorType,
): readonly Tensor[] {
  const block = operands.some((o) => o.inner) ? present(session.inner, 'an open block') : undefined;
  const types = ops[kind].infer({
    attrs,
    operands: operands.map((o) => o.value.type),
    declared,
    typeOf: (id) => present(session.inner?.types.get(id), `type of ${id}`),
  });
  const results = types.map((type) => freshValue(session, type));
  // The checker does not see that a record of K is one of the union, because it does not know K.
  const op = { kind, attrs, operands: operands.map((o) => o.value.id), results, span: ownSpan(session, span) } as Op;
  if (block) {
    block.ops.push(op);
    for (const operand of operands) if (!operand.inner) block.used.set(operand.value.id, operand);
    for (const result of results) block.types.set(result.id, result.type);
  } else {
    session.items.push(op);
    if (kind === 'constant') for (const result of results) session.constants.set(result.id, op);
  }
  const learned = kind !== 'stop_gradient' && operands.some((o) => o.learned);
  return results.map((result) => tensorOf(result, learned && result.type.kind === 'float', block !== undefined));
}

/** The span of one op in another file than the spec, with the calls that led there. */
function ownSpan(session: Session, span: Span): Span {
  if (span.source === session.source || !session.activation) return span;
  const own = { ...span };
  session.callers.set(own, session.activation);
  return own;
}

/** Adds an op with one result. */
export function emit<K extends OpName>(
  session: Session,
  kind: K,
  attrs: OpAttrs[K],
  operands: readonly Tensor[],
  span: Span,
  declared?: TensorType,
): Tensor {
  const results = emitAll(session, kind, attrs, operands, span, declared);
  invariant(results.length === 1, `an op with ${results.length} results where one is wanted`);
  return present(results[0], 'a result');
}

const MAX_INT = 2 ** 31 - 1;
const MAX_F32 = 3.402_823_466_385_288_6e38;

/**
 * A number as a tensor without axes. As an int, `inf` is the largest one, which no position reaches: so a window of
 * `inf` and a window of 4096 are one body with two constants.
 */
export function constant(session: Session, value: number, kind: ElementKind, span: Span): Tensor {
  const values = [constantElement(value, kind, span)];
  return emit(session, 'constant', { values }, [], span, tensorType(kind, []));
}

/** A number for each of the iterations that are elaborated at once. */
export function table(session: Session, values: readonly number[], kind: ElementKind, span: Span): Tensor {
  const lanes = present(session.lanes, 'iterations that are elaborated at once');
  const param = freshValue(session, tensorType(kind, []));
  lanes.tables.push({ param, values: values.map((value) => constantElement(value, kind, span)) });
  return tensorOf(param, false);
}

function constantElement(value: number, kind: ElementKind, span: Span): number {
  if (Number.isNaN(value)) refuse('not-a-number', {}, span);
  if (kind === 'int' && !Number.isInteger(value) && Number.isFinite(value))
    refuse('int-with-fraction', { value }, span);
  if (kind === 'float' && Number.isFinite(value) && Math.abs(value) > MAX_F32) refuse('beyond-f32', { value }, span);
  return kind === 'int' ? Math.max(-MAX_INT, Math.min(MAX_INT, value)) : value;
}

export function indexOver(session: Session, axes: readonly Axis[], span: Span): Tensor {
  return emit(session, 'index', {}, [], span, tensorType('int', axes));
}
