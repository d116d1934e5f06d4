/** Values in the words of an editor. */
import { numberText, sizedAxesText, valueText } from '../compiler/elaborate/describe.ts';
import type { Facts } from '../compiler/elaborate/facts.ts';
import { type FunctionValue, isRecord, type Value } from '../compiler/elaborate/value.ts';
import type { FnItem } from '../compiler/syntax/ast.ts';

const SHOWN = 8;

/** What an expression is, from all values that it had: `[batch 16, time 64, width 96]`, `1, 0.71, 0.58, …`. */
export function describeValues(values: readonly Value[]): string | undefined {
  const numbers = values.flatMap(numbersIn);
  if (numbers.length > 0 && values.every((value) => numbersIn(value).length > 0)) return sequence(numbers);
  const texts = [...new Set(values.map(describeValue))];
  if (texts.length === 0) return undefined;
  return texts.length > SHOWN ? [...texts.slice(0, SHOWN), '…'].join('\n') : texts.join('\n');
}

/** The numbers of a value, one for each iteration that was elaborated at once. */
function numbersIn(value: Value): readonly (number | string)[] {
  if (value.kind === 'number') return [value.value];
  if (value.kind === 'bool') return [String(value.value)];
  if (value.kind !== 'varying') return [];
  return value.of === 'number' ? value.values : value.values.map((v) => String(v !== 0));
}

function sequence(numbers: readonly (number | string)[]): string {
  const distinct = [...new Set(numbers)];
  if (distinct.length === 1) return shown(distinct[0] ?? 0, 5);
  const texts = distinct.slice(0, SHOWN).map((n) => shown(n, 2));
  return [...texts, ...(distinct.length > SHOWN ? ['…'] : [])].join(', ');
}

/** Whole numbers in full, others to so many digits. */
function shown(value: number | string, digits: number): string {
  if (typeof value === 'string' || Number.isInteger(value)) return String(value);
  return digits === 5 ? numberText(value) : String(Number(value.toPrecision(digits)));
}

export function describeValue(value: Value): string {
  switch (value.kind) {
    case 'tensor': {
      const { kind, axes } = value.value.type;
      return `${kind === 'float' ? '' : kind}${sizedAxesText(axes)}`;
    }
    case 'axis':
      return `axis ${value.axis.name} of size ${value.axis.size}`;
    case 'function':
      return value.name === undefined ? 'a lambda' : `the function ${value.name}`;
    case 'tuple': {
      const parts = value.items.map((item) => (item.key === undefined ? shortText(item.value) : item.key));
      return isRecord(value) ? `a record with ${parts.join(', ')}` : `(${parts.join(', ')})`;
    }
    case 'list':
      return `a list of ${value.items.length}`;
    default:
      return valueText(value);
  }
}

function shortText(value: Value): string {
  return value.kind === 'tuple' || value.kind === 'list' ? '…' : describeValue(value);
}

/** The head of a declaration, on one line: `fn Linear(out: axis, std = 0.02)(x: [.., c])`. */
export function signatureOf({ span, body }: FnItem): string {
  const head = span.source.text.slice(span.start, body.span.start);
  return head.replace(/\s*=?\s*$/, '').replace(/\s+/g, ' ');
}

/** What the applications of a function, or of one instance of it, take. */
export function costText(facts: Facts, fn: FunctionValue, place?: object): string | undefined {
  const calls = facts.callsOf(fn.body).filter((call) => place === undefined || call.place === place);
  if (calls.length === 0) return undefined;
  const weights = range(calls.map((call) => call.weights));
  const flops = range(calls.map((call) => call.flops));
  const parts = [
    ...(weights === '0' ? [] : [`${weights} numbers in weights`]),
    ...(flops === '0' ? [] : [`${flops} operations forward`]),
  ];
  return parts.length > 0 ? parts.join(', ') : undefined;
}

function range(counts: readonly number[]): string {
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  return least === most ? grouped(least) : `${grouped(least)} to ${grouped(most)}`;
}

/** `1_378_656`, as the language writes it. */
function grouped(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, '_');
}
