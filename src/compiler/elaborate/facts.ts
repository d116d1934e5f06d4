/** What is found out about the text of a program while it is elaborated, for editors. */
import type { Op, TensorType, ValueId } from '../ir/graph.ts';
import type { HirItem } from '../ir/hir.ts';
import { opFlops } from '../ir/op-flops.ts';
import { axesWithout, elementsOf, withoutIds } from '../ir/tensor-type.ts';
import { type AttendOp, scoreAxes } from '../ops/attend-shapes.ts';
import { present } from '../support/invariant.ts';
import type { Span } from '../support/source.ts';
import type { Body, Expr } from '../syntax/ast.ts';
import { allBindingsSince } from './env.ts';
import type { ObservedBody, Observer } from './observer.ts';
import type { Place } from './place.ts';
import type { TupleValue, Value } from './value.ts';

/** A body as one call elaborated it. */
export interface BodyFacts {
  /** Numbers in its weights. */
  readonly weights: number;
  /** Operations of its forward pass. */
  readonly flops: number;
  /** Where its weights belong: the place of the instance that was applied. */
  readonly place: Place | undefined;
}

export interface Facts {
  /** The values that an expression had, in the order in which they were found, at most a few hundred. */
  readonly valuesOf: (expr: Expr) => readonly Value[];
  /** The values that the name at this span was bound to. Spans count by identity, as trees have them. */
  readonly valuesBoundAt: (span: Span) => readonly Value[];
  readonly callsOf: (body: Body) => readonly BodyFacts[];
  /** The expression that made a record. */
  readonly writtenAs: (record: TupleValue) => Extract<Expr, { kind: 'tuple' }> | undefined;
}

/** Enough to tell what a value is; a body may be elaborated thousands of times. */
const VALUES_KEPT = 256;
const CALLS_KEPT = 16;

export function makeFacts(): { readonly facts: Facts; readonly observer: Observer } {
  const values = new Map<Expr, Value[]>();
  const bound = new Map<Span, Value[]>();
  const calls = new Map<Body, BodyFacts[]>();
  const records = new WeakMap<TupleValue, Extract<Expr, { kind: 'tuple' }>>();
  const types = new Map<ValueId, TensorType>();
  const observer: Observer = {
    value: (expr, value) => {
      add(values, expr, value);
      if (expr.kind === 'tuple' && value.kind === 'tuple') records.set(value, expr);
    },
    made: ({ id, type }) => {
      types.set(id, type);
    },
    body: (body) => {
      for (const { span, value } of knownBindings(body)) add(bound, span, value);
      const before = calls.get(body.fn.body) ?? [];
      if (before.length >= CALLS_KEPT) return;
      const flops = flopsIn(body.items, (id) => types.get(id));
      calls.set(body.fn.body, [...before, { weights: body.weightElements(), flops, place: body.place }]);
    },
  };
  const facts: Facts = {
    valuesOf: (expr) => values.get(expr) ?? [],
    valuesBoundAt: (span) => bound.get(span) ?? [],
    callsOf: (body) => calls.get(body) ?? [],
    writtenAs: (record) => records.get(record),
  };
  return { facts, observer };
}

function add<K>(map: Map<K, Value[]>, key: K, value: Value): void {
  if (value.kind === 'poison') return;
  const before = map.get(key);
  if (!before) map.set(key, [value]);
  else if (before.length < VALUES_KEPT && !before.includes(value)) before.push(value);
}

function knownBindings({ env, base }: ObservedBody) {
  return allBindingsSince(env, base).flatMap(({ span, value }) => {
    const known = value.kind === 'lazy' ? value.known() : value;
    return known ? [{ span, value: known }] : [];
  });
}

type TypeOf = (id: ValueId) => TensorType | undefined;

function flopsIn(items: readonly HirItem[], typeOf: TypeOf): number {
  return items.reduce((sum, item) => {
    if (item.kind !== 'for') return sum + flopsOf(item, typeOf);
    const parts = item.parts.map((part) =>
      part.kind === 'lanes' ? part.labels.length * flopsIn(part.items, typeOf) : flopsIn(part.items, typeOf),
    );
    return sum + parts.reduce((a, b) => a + b, 0);
  }, 0);
}

function flopsOf(op: Op, typeOf: TypeOf): number {
  if (op.kind === 'attend') return attendFlops(op, typeOf);
  return opFlops(op, present(op.results[0], 'a result').type, typeOf);
}

/** A product with a key and one with a value for each pair of positions, those that the mask hides included. */
function attendFlops(op: AttendOp, typeOf: TypeOf): number {
  const [q, k, v] = op.operands.map(typeOf);
  if (!q || !k || !v) return 0;
  const pairs = scoreAxes(q, op.attrs);
  const head = elementsOf(q.axes) / elementsOf(withoutIds(q.axes, [op.attrs.on]));
  return 2 * elementsOf(pairs) * (head + elementsOf(axesWithout(v.axes, pairs)));
}
