/** Words of messages: places, texts, axes and types. */
import type { Label } from '../diagnostics/diagnostic.ts';
import type { Axis } from '../ir/graph.ts';
import { positionAt, type Span } from '../support/source.ts';
import type { Session } from './session.ts';
import { describeKind, type Tensor, type Value } from './value.ts';

const LONGEST = 60;

/** The text of a place, on one line. */
export function textOf(span: Span): string {
  const text = span.source.text.slice(span.start, span.end).replace(/\s+/g, ' ');
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}

/** `7:9`, with the file when it is another than that of `from`. */
export function placeText(span: Span, from?: Span): string {
  const { line, column } = positionAt(span.source, span.start);
  const file = from && from.source !== span.source ? `${span.source.path}:` : '';
  return `${file}${line}:${column}`;
}

/** `width (768, 3:14)`. */
export function axisText(session: Session, axis: Axis, from: Span): string {
  return `${axis.name} (${axis.size}, ${placeText(session.axes.spanOf(axis.id), from)})`;
}

/** `[batch, time, width]`. */
export function axesText(axes: readonly Axis[]): string {
  return `[${axes.map((axis) => axis.name).join(', ')}]`;
}

/** `[batch 3, time 17, width 24]`. */
export function sizedAxesText(axes: readonly Axis[]): string {
  return `[${axes.map((axis) => `${axis.name} ${axis.size}`).join(', ')}]`;
}

export function tensorText(tensor: Tensor): string {
  const { kind, axes } = tensor.value.type;
  return `${kind === 'float' ? '' : kind}${axesText(axes)}`;
}

/** `3`, `a tensor [batch, time]`, `a function`: for messages. */
export function valueText(value: Value): string {
  if (value.kind === 'number') return numberText(value.value);
  if (value.kind === 'bool') return String(value.value);
  if (value.kind === 'string') return JSON.stringify(value.value);
  if (value.kind === 'axis') return `the axis ${value.axis.name}`;
  if (value.kind === 'tensor') return `a tensor ${tensorText(value)}`;
  if (value.kind === 'function' && value.name !== undefined) return `the function ${value.name}`;
  if (value.kind === 'builtin') return `the function ${value.name}`;
  if (value.kind === 'instance' && value.fn.name !== undefined) return `an instance of ${value.fn.name}`;
  return describeKind(value);
}

export function numberText(value: number): string {
  return Number.isInteger(value) || !Number.isFinite(value) ? String(value) : String(Number(value.toPrecision(5)));
}

/** Labels of the declarations of axes. */
export function axisLabels(session: Session, axes: readonly Axis[]): readonly Label[] {
  return axes.map((axis) => ({
    span: session.axes.spanOf(axis.id),
    text: `\`${axis.name}\` of size ${axis.size} is declared here`,
  }));
}
