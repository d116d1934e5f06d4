/** Which argument of a call belongs to which parameter. */

import { didYouMean } from '../support/did-you-mean.ts';
import type { Span } from '../support/source.ts';
import type { Argument, Param } from '../syntax/ast.ts';
import { find } from './env.ts';
import { refuse, type Scope } from './session.ts';
import type { Given, GivenValue, Value } from './value.ts';

/** The name by which an argument may be given; none for `_` and tuples. */
export function parameterName(param: Param): string | undefined {
  return param.pattern.kind === 'name-pattern' ? param.pattern.name.text : undefined;
}

/** The value of an argument. `..` is the list of the axes of the row that is bound here. */
export function evaluateArgument(arg: Argument, scope: Scope): Value {
  if (arg.value.kind !== 'rest') return scope.frame.session.language.evaluate(arg.value, scope);
  const row = find(scope.env, '..');
  return row ? row.value : refuse('no-row', {}, arg.value.span);
}

/** The places of arguments among `names`: positional ones first, then by name. */
export function placeArguments(
  args: readonly Argument[],
  names: readonly (string | undefined)[],
  callee: () => string,
): readonly (Argument | undefined)[] {
  const placed: (Argument | undefined)[] = names.map(() => undefined);
  let named = false;
  args.forEach((arg, i) => {
    if (!arg.name) {
      if (named) refuse('positional-after-named', {}, arg.span);
      if (i >= names.length)
        refuse('too-many-arguments', { callee: callee(), takes: names.length, given: args.length }, arg.span);
      placed[i] = arg;
      return;
    }
    named = true;
    const { text } = arg.name;
    const place = names.indexOf(text);
    if (place < 0) {
      const known = names.flatMap((name) => name ?? []);
      refuse(
        'unknown-argument',
        { callee: callee(), name: text, suggestion: didYouMean(text, known), known },
        arg.name.span,
      );
    }
    if (placed[place]) refuse('argument-twice', { name: text }, arg.name.span);
    placed[place] = arg;
  });
  return placed;
}

/** Evaluates the arguments of a call of a function of the language. */
export function evaluateArguments(
  list: readonly Param[],
  args: readonly Argument[],
  callee: () => string,
  span: Span,
  scope: Scope,
): Given {
  const placed = placeArguments(args, list.map(parameterName), callee);
  const given = new Map<Param, GivenValue>();
  list.forEach((param, i) => {
    const arg = placed[i];
    if (arg) given.set(param, { value: evaluateArgument(arg, scope), span: arg.value.span });
    else if (!param.default) {
      refuse('missing-argument', { callee: callee(), name: parameterName(param) ?? `number ${i + 1}` }, span, [
        { span: param.span, text: 'the parameter' },
      ]);
    }
  });
  return given;
}
