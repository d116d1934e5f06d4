/** Statements. */

import type { Span } from '../support/source.ts';
import type { Binding, Body, If, Statement } from '../syntax/ast.ts';
import { textOf } from './describe.ts';
import { divisionOf } from './division.ts';
import { bind, type Env, whereBound } from './env.ts';
import { diverge } from './lanes-type.ts';
import { runFor } from './loop.ts';
import { bindType, destructure, namesOf } from './pattern.ts';
import { runProbe } from './probe.ts';
import { keepNamed } from './probing.ts';
import { at, attempt, giveUp, refuse, type Scope } from './session.ts';
import { axisValue, POISON, type Value } from './value.ts';
import { wantAxis, wrong } from './want.ts';
import { declareWeights } from './weight.ts';

/** Runs the statements of a body and evaluates its result. After an error the statements that do not need it still run. */
export function runBody(body: Body, scope: Scope): { readonly value: Value; readonly env: Env } {
  const env = runStatements(body.statements, scope);
  const { result } = body;
  const value = result ? scope.frame.session.language.evaluate(result, at(scope, env)) : POISON;
  if (result && value.kind === 'poison') giveUp();
  return { value, env };
}

export function runStatements(statements: readonly Statement[], scope: Scope): Env {
  return statements.reduce((env, statement) => runStatement(statement, at(scope, env)), scope.env);
}

function runStatement(statement: Statement, scope: Scope): Env {
  const { session } = scope.frame;
  switch (statement.kind) {
    case 'binding':
      return attempt(
        session,
        () => runBinding(statement, scope),
        () => poison(statement, scope),
      );
    case 'axis':
      return attempt(
        session,
        () => {
          const { name } = statement;
          requireFresh(name.text, name.span, scope);
          const size = session.language.evaluate(statement.size, scope);
          const declared = wantAxis(
            session,
            size.kind === 'axis' ? { kind: 'number', value: size.axis.size } : size,
            statement.size.span,
            name.text,
            name.span,
            () => divisionOf(statement.size, scope),
          );
          return bind(scope.env, name.text, axisValue(declared), name.span);
        },
        () => bind(scope.env, statement.name.text, POISON, statement.name.span),
      );
    case 'param':
      return attempt(
        session,
        () => declareWeights(statement, scope),
        () => statement.names.reduce((env, name) => bind(env, name.text, POISON, name.span), scope.env),
      );
    case 'rule':
      session.rules.push({ rule: statement, scope, level: scope.frame.activation?.fn.model ? 'model' : 'fn' });
      return scope.env;
    case 'probe':
      attempt(
        session,
        () => runProbe(statement, scope),
        () => undefined,
      );
      return scope.env;
    case 'for':
      return attempt(
        session,
        () => runFor(statement, scope, (inner) => runStatements(statement.body, inner)),
        () => scope.env,
      );
    case 'if':
      return attempt(
        session,
        () => runIf(statement, scope),
        () => scope.env,
      );
  }
}

function poison(statement: Binding, scope: Scope): Env {
  return namesOf(statement.pattern).reduce((env, name) => bind(env, name.text, POISON, name.span), scope.env);
}

function runBinding(statement: Binding, scope: Scope): Env {
  const { session, place, loops } = scope.frame;
  const { pattern, type } = statement;
  for (const name of namesOf(pattern)) {
    const bound = whereBound(scope.env, name.text);
    if (bound?.where === 'outer') {
      refuse('rebinds-outer', { name: name.text }, name.span, [
        { span: bound.span, text: 'bound here, in the body around' },
      ]);
    }
  }
  const own = pattern.kind === 'name-pattern' ? pattern.name.text : undefined;
  const fresh = own !== undefined && !whereBound(scope.env, own);
  const value = session.language.evaluate(statement.value, scope, fresh ? { own } : {});
  if (value.kind === 'tensor' && own !== undefined && place && !session.names.has(value.value.id)) {
    session.names.set(value.value.id, [...place.shown, ...loops.shown, own].join('.'));
  }
  if (session.wantsProbes && value.kind === 'tensor' && own !== undefined && place) {
    keepNamed(session.probing, { place, loops, name: own, value, span: pattern.span }, session.lanes);
  }
  const env = type ? bindType(type, value, scope, own ? `\`${own}\`` : 'the value', statement.value.span) : scope.env;
  return destructure(pattern, value, env);
}

/** An axis name may not be bound twice in one body. */
function requireFresh(name: string, span: Span, scope: Scope): void {
  const bound = whereBound(scope.env, name);
  if (bound?.where === 'own') refuse('name-taken', { name }, span, [{ span: bound.span, text: 'bound here' }]);
}

function runIf(statement: If, scope: Scope): Env {
  const condition = scope.frame.session.language.evaluate(statement.condition, scope);
  return runStatements(
    conditionOf(condition, statement.condition.span) ? statement.whenTrue : statement.whenFalse,
    scope,
  );
}

/** The truth of a condition, which no tensor can tell while compiling. */
export function conditionOf(condition: Value, span: Span): boolean {
  if (condition.kind === 'bool') return condition.value;
  if (condition.kind === 'varying') diverge(condition.values, span);
  if (condition.kind === 'tensor') refuse('condition-on-tensor', { text: textOf(span) }, span);
  return wrong(condition, 'a truth value', span);
}
