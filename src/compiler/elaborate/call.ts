/** Calls: instances, weight identity, parameters and their defaults. */
import { Failure } from '../diagnostics/diagnostic.ts';
import type { Span } from '../support/source.ts';
import type { Expr, Param, TypeExpr } from '../syntax/ast.ts';
import { evaluateArguments } from './arguments.ts';
import { placeText, textOf, valueText } from './describe.ts';
import { boundary, type Env } from './env.ts';
import type { ObservedBody } from './observer.ts';
import { bindParameters } from './parameters.ts';
import { bindType } from './pattern.ts';
import { NO_LOOPS, type Place, placeAt, snakeCase } from './place.ts';
import {
  type Activation,
  callChain,
  type Frame,
  LIMITS,
  type Naming,
  refuse,
  type Scope,
  type Session,
  withCall,
} from './session.ts';
import type { FunctionValue, Given, GivenValue, Instance, Value } from './value.ts';
import { wrong } from './want.ts';
import { weightElements } from './weight-elements.ts';

type CallExpr = Extract<Expr, { kind: 'call' }>;

/** Where a call stands: the node that is its identity in the text, and the scope around it. */
interface Site {
  readonly node: object;
  readonly span: Span;
  readonly scope: Scope;
}

export function evaluateCall(expr: CallExpr, scope: Scope, naming: Naming = {}): Value {
  const { language } = scope.frame.session;
  const below = naming.own ?? naming.below;
  const callee = language.evaluate(expr.callee, scope, expr.callee.kind === 'call' ? { below } : {});
  const site: Site = { node: expr, span: expr.span, scope };
  if (callee.kind === 'builtin') return language.callBuiltin(callee.name, expr.args, expr.span, scope);
  const name = (): string => textOf(expr.callee.span);
  if (callee.kind === 'function') {
    return applyFunction(
      callee,
      evaluateArguments(callee.lists[0] ?? [], expr.args, name, expr.span, scope),
      site,
      naming,
    );
  }
  if (callee.kind === 'instance') {
    if (callee.fn.model) refuse('model-called', { name: name() }, expr.span);
    return applyInstance(callee, evaluateArguments(callee.fn.lists[1] ?? [], expr.args, name, expr.span, scope), site);
  }
  return wrong(callee, 'a function', expr.callee.span);
}

/** Calls a value of the program with values, as a builtin does with the functions it is given. */
export function applyValue(callee: Value, args: readonly Value[], node: object, span: Span, scope: Scope): Value {
  const site: Site = { node, span, scope };
  if (callee.kind === 'function')
    return applyFunction(callee, givenByPosition(callee.lists[0] ?? [], args, callee, span), site, {});
  if (callee.kind === 'instance')
    return applyInstance(callee, givenByPosition(callee.fn.lists[1] ?? [], args, callee, span), site);
  return wrong(callee, 'a function', span);
}

function givenByPosition(list: readonly Param[], args: readonly Value[], callee: Value, span: Span): Given {
  const required = list.filter((param) => !param.default).length;
  if (args.length > list.length || args.length < required) {
    refuse('callback-arity', { callee: valueText(callee), takes: list.length, given: args.length }, span);
  }
  return new Map(args.flatMap((value, i): [Param, GivenValue][] => (list[i] ? [[list[i], { value, span }]] : [])));
}

/** Applies the first list of a function: makes an instance, or elaborates the body when it is also the last. */
function applyFunction(fn: FunctionValue, given: Given, site: Site, naming: Naming): Value {
  const { place: around, loops } = site.scope.frame;
  if (fn.lists.length === 1) {
    const place = around && placeAt(around, site.node, loops, naming.own, site.span);
    return elaborateBody(fn, given, place, site).value;
  }
  if (fn.model && around) refuse('model-called', { name: fn.name ?? 'the model' }, site.span);
  if (!around && !fn.model)
    refuse('instance-at-top-level', { text: textOf(site.span), name: fn.name ?? 'f' }, site.span);
  const label =
    naming.own ?? [naming.below, fn.name && snakeCase(fn.name)].filter((part) => part !== undefined).join('.');
  const place = around ? placeAt(around, site.node, loops, label, site.span) : undefined;
  return { kind: 'instance', fn, given, place, applications: [] };
}

function applyInstance(instance: Instance, given: Given, site: Site): Value {
  const { fn, place } = instance;
  const { value, env, base } = elaborateBody(fn, new Map([...instance.given, ...given]), place, site);
  const { lanes } = site.scope.frame.session;
  const applied = instance.applications.length;
  instance.applications.push({ env, base, span: site.span, lanes });
  lanes?.undo.push(() => instance.applications.splice(applied));
  return value;
}

/** Elaborates the inputs and body of a model at its root. */
export function applyModel(
  instance: Instance,
  inputs: Given,
  root: Place,
  site: Site,
): { readonly env: Env; readonly base: Env } {
  return elaborateBody(instance.fn, new Map([...instance.given, ...inputs]), root, site);
}

interface Elaborated {
  readonly value: Value;
  readonly env: Env;
  readonly base: Env;
}

function elaborateBody(fn: FunctionValue, given: Given, place: Place | undefined, site: Site): Elaborated {
  const { session } = site.scope.frame;
  const frame: Frame = { session, place, loops: NO_LOOPS, activation: activate(fn, site) };
  const around = session.activation;
  session.activation = frame.activation;
  const items = session.items.length;
  try {
    const base = boundary(fn.env);
    const { value, env } = session.language.runBody(fn.body, {
      frame,
      env: bindParameters(fn.lists, given, frame, base),
    });
    if (fn.result) checkResult(fn, fn.result, value, { frame, env }, site);
    if (value.kind === 'tensor' && place?.label !== undefined && !session.names.has(value.value.id)) {
      session.names.set(value.value.id, place.shown.join('.'));
    }
    if (session.observer) tellObserver({ fn, env, base, value, items: session.items.slice(items), place }, session);
    return { value, env, base };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw new Failure(
      error.diagnostics.map((d) => withCall(session, d)),
      error.exitCode,
    );
  } finally {
    session.activation = around;
  }
}

function tellObserver(body: Omit<ObservedBody, 'weightElements'>, session: Session): void {
  session.observer?.body({ ...body, weightElements: () => (body.place ? weightElements(session, body.place) : 0) });
}

function checkResult(fn: FunctionValue, type: TypeExpr, value: Value, scope: Scope, site: Site): void {
  bindType(type, value, scope, `the value of ${fn.name ?? 'the lambda'}`, fn.body.result?.span ?? site.span);
}

/** The new activation; refuses recursion, which would make the paths of weights infinite. */
function activate(fn: FunctionValue, { span, scope }: Site): Activation {
  const outer = scope.frame.activation;
  const depth = (outer?.depth ?? 0) + 1;
  const spans: Span[] = [span];
  for (let at = outer; at; at = at.outer) {
    spans.unshift(at.call);
    if (at.fn === fn && at.call === span) {
      scope.frame.session.fatal = true;
      const chain = spans.map((s) => placeText(s, span));
      refuse('recursion', { name: fn.name ?? 'the lambda', chain }, span, [{ span: fn.span, text: 'declared here' }]);
    }
  }
  if (depth > LIMITS.calls) {
    scope.frame.session.fatal = true;
    refuse('too-deep', { limit: LIMITS.calls, chain: callChain(outer) }, span);
  }
  return { fn, call: span, depth, outer };
}
