/** Expressions. */

import { didYouMean } from '../support/did-you-mean.ts';
import { present, unreachable } from '../support/invariant.ts';
import type { Span } from '../support/source.ts';
import type { Expr, Name } from '../syntax/ast.ts';
import { evaluateAxisIndex } from './axis-index.ts';
import { conditionOf } from './body.ts';
import { evaluateCall } from './call.ts';
import { evaluateContract } from './contract.ts';
import { placeText, textOf, valueText } from './describe.ts';
import { bindingsSince, type Env, find, forced, namesIn } from './env.ts';
import { evaluateBinary, evaluateUnary } from './operator.ts';
import { isPath } from './probe-paths.ts';
import { countStep, giveUp, type Naming, refuse, type Scope, type Session } from './session.ts';
import { bool, type Instance, list, NONE, number, type TupleValue, type Value, type VaryingValue } from './value.ts';
import { wantInteger, wantList, wrong } from './want.ts';

const UNNAMED: Naming = {};

export function evaluate(expr: Expr, scope: Scope, naming: Naming = UNNAMED): Value {
  countStep(scope, expr.span);
  const { lane, observer, probing } = scope.frame.session;
  const value = probing.paths?.get(expr) ?? evaluateAny(expr, scope, naming);
  observer?.value(expr, value);
  return value.kind === 'varying' && lane !== undefined ? ofLane(value, lane) : value;
}

/** What a varying value is in one iteration. */
function ofLane({ of, values }: VaryingValue, lane: number): Value {
  const value = present(values[lane], 'the value of an iteration');
  return of === 'number' ? number(value) : bool(value !== 0);
}

function evaluateAny(expr: Expr, scope: Scope, naming: Naming): Value {
  switch (expr.kind) {
    case 'number':
      return number(expr.value);
    case 'string':
      return { kind: 'string', value: expr.value };
    case 'bool':
      return bool(expr.value);
    case 'none':
      return NONE;
    case 'name':
      return evaluateName(expr, scope);
    case 'lambda':
      return {
        kind: 'function',
        name: undefined,
        model: false,
        lists: [expr.params],
        result: undefined,
        body: expr.body,
        env: scope.env,
        span: expr.span,
      };
    case 'conditional': {
      // What only one iteration needs may stand in a branch, so iterations that differ here part.
      const condition = conditionOf(evaluate(expr.condition, scope), expr.condition.span);
      return evaluate(condition ? expr.whenTrue : expr.whenFalse, scope, naming);
    }
    case 'unary':
      return evaluateUnary(expr, scope);
    case 'binary':
      return evaluateBinary(expr, scope);
    case 'contract':
      return evaluateContract(expr, scope);
    case 'call':
      return evaluateCall(expr, scope, naming);
    case 'member':
      return evaluateMember(expr, scope);
    case 'element':
      return evaluateElement(expr, scope);
    case 'axis-index':
      return evaluateAxisIndex(expr, scope);
    case 'tuple':
      return evaluateTuple(expr, scope);
    case 'list':
      return list(expr.items.map((item) => evaluate(item, scope)));
    default:
      return unreachable(expr);
  }
}

function evaluateName(expr: Extract<Expr, { kind: 'name' }>, scope: Scope): Value {
  const found = find(scope.env, expr.name);
  if (found) return found.value;
  const use = scope.frame.session.moduleOf(expr.name);
  const suggestion = use ? undefined : didYouMean(expr.name, namesIn(scope.env));
  return refuse('unknown-name', { name: expr.name, suggestion, use }, expr.span);
}

function evaluateTuple(expr: Extract<Expr, { kind: 'tuple' }>, scope: Scope): TupleValue {
  const items = expr.items.map(({ name, value }) => ({
    key: name?.text,
    value: evaluate(value, scope, { own: name?.text }),
  }));
  const twice = expr.items.find(({ name }, i) => name && items.findIndex((item) => item.key === name.text) !== i);
  if (twice?.name) refuse('key-twice', { name: twice.name.text }, twice.name.span);
  return { kind: 'tuple', items };
}

/** `record.key`, or a field of an instance. */
function evaluateMember(expr: Extract<Expr, { kind: 'member' }>, scope: Scope): Value {
  if (isPath(expr)) refuse('path-not-here', { path: textOf(expr.span) }, expr.span);
  const object = evaluate(expr.object, scope);
  if (object.kind === 'poison') giveUp();
  if (object.kind === 'instance') return fieldOf(object, expr.key, expr.object.span, scope.frame.session);
  if (object.kind !== 'tuple') {
    if (object.kind === 'function') {
      refuse('record-wanted', { text: textOf(expr.object.span), name: object.name }, expr.object.span);
    }
    return wrong(object, `a record with \`${expr.key.text}\``, expr.object.span);
  }
  const entry = object.items.find((item) => item.key === expr.key.text);
  if (entry) return entry.value;
  const known = object.items.flatMap((item) => item.key ?? []);
  const params = {
    text: textOf(expr.object.span),
    key: expr.key.text,
    suggestion: didYouMean(expr.key.text, known),
    known,
  };
  return refuse('unknown-key', params, expr.key.span);
}

/** The final binding of a name in the body of an instance. All applications must agree on it. */
function fieldOf(instance: Instance, key: Name, object: Span, { lanes }: Session): Value {
  const { applications } = instance;
  const text = textOf(object);
  const [first, ...others] = applications;
  if (!first) return refuse('not-applied', { text, key: key.text }, key.span);
  const value = fieldAt(first, key, text);
  if (first.lanes !== lanes && first.lanes && first.lanes.labels.length > 1) {
    const times = first.lanes.labels.length;
    refuse('applied-twice', { text, key: key.text, times }, key.span, [{ span: first.span, text: 'applied here' }]);
  }
  for (const other of others) {
    if (sameValue(fieldAt(other, key, text), value)) continue;
    refuse('applied-twice', { text, key: key.text, times: applications.length }, key.span, [
      { span: first.span, text: 'applied here' },
      { span: other.span, text: `and here (${placeText(other.span, first.span)})` },
    ]);
  }
  return value;
}

function fieldAt({ env, base }: { readonly env: Env; readonly base: Env }, key: Name, text: string): Value {
  const bindings = bindingsSince(env, base).filter(({ name }) => !name.startsWith('..'));
  const binding = bindings.find(({ name }) => name === key.text);
  if (binding) return forced(binding.value);
  const known = bindings.map(({ name }) => name);
  return refuse('unknown-key', { text, key: key.text, suggestion: didYouMean(key.text, known), known }, key.span);
}

function sameValue(a: Value, b: Value): boolean {
  if (a.kind === 'tensor' && b.kind === 'tensor') return a.value.id === b.value.id;
  if (a.kind === 'number' && b.kind === 'number') return a.value === b.value;
  if (a.kind === 'axis' && b.kind === 'axis') return a.axis.id === b.axis.id;
  return a === b;
}

/** `list[i]`, counted from 1. */
function evaluateElement(expr: Extract<Expr, { kind: 'element' }>, scope: Scope): Value {
  const object = evaluate(expr.object, scope);
  if (object.kind === 'tensor') {
    const [axis] = object.value.type.axes;
    refuse('tensor-element', { text: textOf(expr.object.span), axis: axis?.name ?? 'axis' }, expr.span);
  }
  const items = wantList(object, expr.object.span);
  const index = wantInteger(evaluate(expr.index, scope), expr.index.span, 'an index');
  const item = items[index - 1];
  if (item === undefined) {
    refuse('index-out-of-range', { text: valueText(object), index, length: items.length }, expr.index.span);
  }
  return item;
}
