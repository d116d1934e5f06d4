/** `after = F` and `via = F`: a function of a weight, elaborated to ops of its own. */
import type { Value as IrValue, Op, ValueId } from '../ir/graph.ts';
import type { HirItem } from '../ir/hir.ts';
import { isSubset, sameAxes } from '../ir/tensor-type.ts';
import type { Span } from '../support/source.ts';
import type { WeightFunction } from './attributes.ts';
import { axesText, valueText } from './describe.ts';
import { emit, tensorOf } from './emit.ts';
import { NO_LOOPS, type Place } from './place.ts';
import { type DeclaredWeight, giveUp, refuse, type Scope, type Session } from './session.ts';
import type { Tensor, Value } from './value.ts';
import { bindFans } from './weight.ts';

/** The ops of F(w), and its value; no ops when F gives the weight as it is. */
export interface Applied {
  readonly items: readonly HirItem[];
  readonly value: IrValue;
}

interface Subject {
  readonly declared: DeclaredWeight;
  /** For messages. */
  readonly name: string;
  /** What stands for the weight. */
  readonly weight: IrValue;
  /** Where weights belong that the function makes. */
  readonly place: Place;
  /** Weights of the model, which the function may not use. */
  readonly others: ReadonlySet<ValueId>;
}

/**
 * Elaborates F(w), which keeps the axes of w and needs no tensor but w, and what it makes itself. Undefined when there is
 * no F, because the attribute is `none`.
 */
export function applyToWeight(
  session: Session,
  { attribute, scope }: WeightFunction,
  subject: Subject,
): Applied | undefined {
  const { declared, weight, place, others } = subject;
  const { span } = attribute.value;
  const around = session.items;
  session.items = [];
  session.weightFunction = attribute.name.text;
  try {
    const { activation } = scope.frame;
    const env = bindFans(scope.env, declared.fanIn, declared.fanOut, attribute.name.span);
    const inside: Scope = { frame: { session, place, loops: NO_LOOPS, activation }, env };
    const fn = session.language.evaluate(attribute.value, inside);
    if (fn.kind === 'none') return undefined;
    const value = session.language.apply(fn, [tensorOf(weight, true)], attribute, span, inside);
    if (value.kind === 'poison') giveUp();
    const named = { attribute: attribute.name.text, name: subject.name };
    if (value.kind !== 'tensor' || !keepsAxes(value, weight)) {
      const texts = { weight: axesText(weight.type.axes), value: valueText(value), maker: makerOf(value, fn) };
      const labels = [{ span: declared.span, text: 'the weight is declared here' }];
      return refuse('weight-function-type', { ...named, ...texts }, span, labels);
    }
    const ordered = inOrder(session, value, weight, span);
    const { items } = session;
    const stranger = strangers(items, ordered.value.id, weight.id).find((id) => others.has(id) || !isMade(session, id));
    if (stranger !== undefined) {
      refuse('weight-function-captures', { attribute: named.attribute, name: session.names.get(stranger) }, span);
    }
    return { items, value: ordered.value };
  } finally {
    session.items = around;
    session.weightFunction = undefined;
  }
}

/** The name of a function whose first list took the weight, which most likely was meant for the second. */
function makerOf(value: Value, fn: Value): string | undefined {
  return value.kind === 'instance' && fn.kind === 'function' ? fn.name : undefined;
}

function keepsAxes({ value }: Tensor, weight: IrValue): boolean {
  const [a, b] = [value.type, weight.type];
  return a.kind === 'float' && isSubset(a.axes, b.axes) && isSubset(b.axes, a.axes);
}

function inOrder(session: Session, tensor: Tensor, weight: IrValue, span: Span): Tensor {
  const { axes } = weight.type;
  if (sameAxes(tensor.value.type.axes, axes)) return tensor;
  return emit(session, 'permute', { axes: axes.map((axis) => axis.id) }, [tensor], span);
}

/** What the items need, or give, and do not make; tables of iterations and weights among them. */
function strangers(items: readonly HirItem[], result: ValueId, weight: ValueId): readonly ValueId[] {
  const ops = opsOf(items);
  const made = new Set(ops.flatMap((op) => op.results.map((r) => r.id)));
  return [...ops.flatMap((op) => op.operands), result].filter((id) => id !== weight && !made.has(id));
}

function opsOf(items: readonly HirItem[]): readonly Op[] {
  return items.flatMap((item) => (item.kind === 'for' ? item.parts.flatMap((part) => opsOf(part.items)) : [item]));
}

/** A weight, or a number for each of the iterations that are elaborated at once. */
function isMade(session: Session, id: ValueId): boolean {
  const isTable = session.lanes?.tables.some(({ param }) => param.id === id) ?? false;
  return isTable || [...session.weights.values()].some((weight) => weight.value.id === id);
}

/** The values of all weights so far. */
export function weightValues(session: Session): ReadonlySet<ValueId> {
  return new Set([...session.weights.values()].map((weight) => weight.value.id));
}
