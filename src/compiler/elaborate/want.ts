/** Checks of the kind of a value, with the error that says what was wanted. */

import type { Division } from '../diagnostics/language-values.ts';
import type { Axis } from '../ir/graph.ts';
import type { Span } from '../support/source.ts';
import { textOf, valueText } from './describe.ts';
import { diverge } from './lanes-type.ts';
import { giveUp, refuse, type Session } from './session.ts';
import type { InitValue, Instance, Tensor, Value, ValueOf } from './value.ts';

/** How far from an integer a computed size may be: what division in float64 leaves. */
const ROUNDING = 1e-9;

/** What was wanted, or how to say it: most values are what they should be. */
type Words = string | (() => string);

const say = (words: Words): string => (typeof words === 'string' ? words : words());

const noDivision: WhyNot = () => undefined;

/** Says that `value` is not what is wanted; gives up in silence on what an error left behind. */
export function wrong(value: Value, wanted: string, span: Span): never {
  if (value.kind === 'poison') giveUp();
  if (value.kind === 'varying') diverge(value.values, span);
  refuse('wrong-kind', { text: textOf(span), found: valueText(value), wanted }, span);
}

/** A number; an axis is its size. */
export function wantNumber(value: Value, span: Span, wanted: Words = 'a number'): number {
  if (value.kind === 'number') return value.value;
  if (value.kind === 'axis') return value.axis.size;
  if (value.kind === 'tensor') refuse('tensor-where-number', { text: textOf(span), wanted: say(wanted) }, span);
  return wrong(value, say(wanted), span);
}

/** The division that made a number, if it was one. */
export type WhyNot = () => Division | undefined;

/** A number without a fraction. */
export function wantInteger(
  value: Value,
  span: Span,
  wanted: Words = 'an integer',
  division: WhyNot = noDivision,
): number {
  return integral(wantNumber(value, span, wanted), span, wanted, division);
}

function integral(value: number, span: Span, wanted: Words, division: WhyNot): number {
  const rounded = Math.round(value);
  if (!Number.isFinite(value) || Math.abs(value - rounded) > ROUNDING * Math.max(1, Math.abs(value))) {
    refuse('not-integral', { text: textOf(span), value, wanted: say(wanted), division: division() }, span);
  }
  return rounded;
}

function wantSize(value: Value, span: Span, name: string, division?: WhyNot): number {
  const size = wantInteger(value, span, () => `the size of the axis \`${name}\``, division);
  if (size < 1 || size > 2 ** 31 - 1) refuse('bad-size', { name, size }, span);
  return size;
}

export function wantBool(value: Value, span: Span, wanted = 'a truth value'): boolean {
  return value.kind === 'bool' ? value.value : wrong(value, wanted, span);
}

export function wantString(value: Value, span: Span, wanted = 'a string'): string {
  return value.kind === 'string' ? value.value : wrong(value, wanted, span);
}

export function wantTensor(value: Value, span: Span, wanted = 'a tensor'): Tensor {
  return value.kind === 'tensor' ? value : wrong(value, wanted, span);
}

export function wantList(value: Value, span: Span, wanted = 'a list'): readonly Value[] {
  if (value.kind === 'list') return value.items;
  return value.kind === 'tuple' ? value.items.map((item) => item.value) : wrong(value, wanted, span);
}

export function wantInstance(value: Value, span: Span): Instance {
  return value.kind === 'instance' ? value : wrong(value, 'an instance', span);
}

/** An initial distribution; a number is one. */
export function wantInit(value: Value, span: Span): InitValue {
  if (value.kind === 'init') return value.init;
  if (value.kind === 'number') return { kind: 'constant', value: value.value };
  return wrong(value, 'an initial distribution, such as `normal(0.02)`, or a number', span);
}

/** An axis; a number makes one of that size that is called `name`, whose identity is the place `declared`. */
export function wantAxis(
  session: Session,
  value: Value,
  span: Span,
  name: string,
  declared: Span,
  division?: WhyNot,
): Axis {
  if (value.kind === 'axis') return value.axis;
  if (value.kind === 'tensor') {
    refuse('tensor-where-number', { text: textOf(span), wanted: `the size of the axis \`${name}\`` }, span);
  }
  if (value.kind === 'number') return session.axes.declare(name, wantSize(value, span, name, division), declared);
  return wrong(value, `an axis, or a size for \`${name}\``, span);
}

/** An existing axis. */
export function wantBoundAxis(value: Value, span: Span): Axis {
  return value.kind === 'axis' ? value.axis : wrong(value, 'an axis', span);
}

export type Operand = ValueOf<'number' | 'bool' | 'varying' | 'tensor'>;

/** What is known while compiling. */
export type Constant = Exclude<Operand, { readonly kind: 'tensor' }>;

/** What arithmetic works on; an axis is its size. */
export function wantOperand(value: Value, span: Span): Operand {
  if (value.kind === 'axis') return { kind: 'number', value: value.axis.size };
  if (value.kind === 'number' || value.kind === 'tensor' || value.kind === 'bool' || value.kind === 'varying')
    return value;
  return wrong(value, 'a number or a tensor', span);
}
