/** What names of axes mean. */
import type { Axis } from '../ir/graph.ts';
import { didYouMean } from '../support/did-you-mean.ts';
import type { Span } from '../support/source.ts';
import type { Name } from '../syntax/ast.ts';
import { valueText } from './describe.ts';
import { boundaryOf, type Env, find, namesIn } from './env.ts';
import { giveUp, refuse, type Scope, type Session } from './session.ts';

/** The axis that `name` is bound to. */
export function resolveAxis(name: Name, scope: Scope): Axis {
  const found = find(scope.env, name.text);
  if (found?.value.kind === 'poison') giveUp();
  if (found?.value.kind === 'axis') return found.value.axis;
  const what = found && valueText(found.value);
  const suggestion = didYouMean(name.text, found ? [] : axisNames(scope.env));
  return refuse('unknown-axis', { name: name.text, what, suggestion }, name.span);
}

function axisNames(env: Env): readonly string[] {
  return namesIn(env).filter((name) => find(env, name)?.value.kind === 'axis');
}

/** The axis that `name` is bound to, or undefined when it is free to be bound. */
export function boundAxis(name: Name, scope: Scope): Axis | undefined {
  const found = find(scope.env, name.text);
  if (found?.value.kind === 'poison') giveUp();
  if (found?.value.kind === 'axis') return found.value.axis;
  if (found?.where === 'own') {
    refuse('name-not-axis', { name: name.text, what: valueText(found.value) }, name.span, placeLabel(found.span));
  }
  return undefined;
}

function placeLabel(span: Span | undefined): readonly { span: Span; text: string }[] {
  return span ? [{ span, text: 'bound here' }] : [];
}

/** Declares an axis that an expression makes on the fly, and lets the rest of the body use its name. */
export function makeAxis(session: Session, name: Name, size: number, scope: Scope): Axis {
  const axis = session.axes.declare(name.text, size, name.span);
  boundaryOf(scope.env)?.axes.set(name.text, { axis, span: name.span });
  return axis;
}
