/** What is carried from one iteration to the next. */
import { isSubset, sameAxes } from '../ir/tensor-type.ts';
import type { Span } from '../support/source.ts';
import { tensorText } from './describe.ts';
import { emit } from './emit.ts';
import { bind, bindingsSince, type Env, forced, whereBound } from './env.ts';
import { refuse, type Session } from './session.ts';
import type { Tensor, Value } from './value.ts';

/** The environment after an iteration: names bound before the loop take their new values, others are gone. */
export function carry(session: Session, after: Env, inner: Env, before: Env, loop: Span): Env {
  let env = before;
  for (const { name, value, span } of bindingsSince(after, inner)) {
    if (whereBound(before, name)?.where !== 'own') continue;
    const [old, now] = [latest(before, name), forced(value)];
    const kept = old?.kind === 'tensor' && now.kind === 'tensor' ? inOrderOf(session, name, old, now, span, loop) : now;
    env = bind(env, name, kept, span);
  }
  return env;
}

/** The value of a name that a body binds. */
export function latest(env: Env, name: string): Value | undefined {
  for (let at = env; at.kind !== 'file'; at = at.next) {
    if (at.kind === 'binding' && at.name === name) return forced(at.value);
  }
  return undefined;
}

/** A carried tensor keeps its type; its axes keep their order, so that all iterations can be one body. */
export function inOrderOf(session: Session, name: string, before: Tensor, now: Tensor, span: Span, loop: Span): Tensor {
  const [a, b] = [before.value.type, now.value.type];
  if (a.kind === b.kind && sameAxes(a.axes, b.axes)) return now;
  if (a.kind === b.kind && isSubset(a.axes, b.axes) && isSubset(b.axes, a.axes)) {
    return emit(session, 'permute', { axes: a.axes.map((axis) => axis.id) }, [now], span);
  }
  const params = { name, before: tensorText(before), now: tensorText(now) };
  return refuse('carried-type-changes', params, span, [{ span: loop, text: 'the loop that carries it' }]);
}
