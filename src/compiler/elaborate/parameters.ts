/** Parameters: arguments, defaults, and the axes that types name. */
import { invariant } from '../support/invariant.ts';
import type { Param } from '../syntax/ast.ts';
import { parameterName } from './arguments.ts';
import { divisionOf } from './division.ts';
import { bind, type Env, find, type Lazy } from './env.ts';
import { Divergence } from './lanes-type.ts';
import { bindType, destructure, namesOf } from './pattern.ts';
import { type Frame, refuse, type Scope } from './session.ts';
import { axisValue, type Given, type GivenValue, type Value } from './value.ts';
import { type WhyNot, wantAxis } from './want.ts';

/**
 * Binds the parameters of all lists. A default may use any name of the lists, so it is evaluated when it is first asked
 * for, in the environment of the body.
 */
export function bindParameters(lists: readonly (readonly Param[])[], given: Given, frame: Frame, base: Env): Env {
  let env: Env = base;
  const scope = (): Scope => ({ frame, env });
  for (const param of lists.flat()) {
    const argument = given.get(param);
    if (argument) env = destructure(param.pattern, asParameter(param, argument, frame), env);
    for (const name of argument ? [] : namesOf(param.pattern)) {
      env = bind(env, name.text, defaultOf(param, name.text, scope), name.span);
    }
  }
  for (const param of lists.flat()) {
    const argument = given.get(param);
    const { type } = param;
    if (!type || type === 'axis') continue;
    const what = parameterName(param) ?? 'the argument';
    const { value, span } = argument ?? evaluatedDefault(param, scope());
    env = bindType(type, value, scope(), `\`${what}\``, span);
  }
  return env;
}

/** A number given for a parameter of type `axis` makes a fresh axis of that size, named after the parameter. */
function asParameter(param: Param, { value, span }: GivenValue, { session }: Frame, division?: WhyNot): Value {
  const name = parameterName(param);
  if (param.type !== 'axis' || name === undefined || value.kind === 'poison') return value;
  return axisValue(wantAxis(session, value, span, name, param.pattern.span, division));
}

function defaultOf(param: Param, name: string, scope: () => Scope): Lazy {
  const { session } = scope().frame;
  const born = session.lanes;
  let state: 'new' | 'busy' | { readonly value: Value } = 'new';
  return {
    kind: 'lazy',
    known: () => (state === 'new' || state === 'busy' ? undefined : state.value),
    force: () => {
      if (state === 'busy') refuse('default-cycle', { name }, param.span);
      if (state !== 'new') return state.value;
      state = 'busy';
      const ops = session.items.length;
      try {
        const value = evaluateDefault(param, name, scope());
        // A tensor that is made here for good cannot be one of the iterations' own.
        if (session.lanes !== born && session.items.length !== ops) throw new Divergence(undefined);
        state = { value };
        return value;
      } finally {
        if (state === 'busy') state = 'new';
      }
    },
  };
}

function evaluateDefault(param: Param, name: string, scope: Scope): Value {
  const given = evaluatedDefault(param, scope);
  if (param.pattern.kind === 'name-pattern') {
    const { default: expr } = param;
    return asParameter(param, given, scope.frame, () => expr && divisionOf(expr, scope));
  }
  const found = find(destructure(param.pattern, given.value, scope.env), name);
  return found ? found.value : given.value;
}

function evaluatedDefault({ default: expr }: Param, scope: Scope): GivenValue {
  invariant(expr, 'a parameter without an argument has a default');
  return { value: scope.frame.session.language.evaluate(expr, scope), span: expr.span };
}
