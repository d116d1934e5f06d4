/** What a scheme says of its own use: the key `advice` of a record, which lints read. */
import { Failure } from '../diagnostics/diagnostic.ts';
import { GENERATED } from '../support/source.ts';
import { bindingsSince, type Env, forced, type Lazy } from './env.ts';
import type { Module } from './module.ts';
import type { Scope } from './session.ts';
import { number, type Value } from './value.ts';

export interface Advice {
  /** A text of the advice: `plain_init`, `source`. */
  readonly text: (key: string) => string | undefined;
  /** A function of the depth, at a depth. */
  readonly atDepth: (key: string, depth: number) => number | undefined;
}

/** The advice of every record that the body of a model binds, its parameters included. */
export function adviceIn(body: { readonly env: Env; readonly base: Env }, scope: Scope): readonly Advice[] {
  return bindingsSince(body.env, body.base).flatMap(({ value }) => adviceOf(value, scope));
}

/** The advice of the records that a file declares. */
export function adviceOfModule(module: Module | undefined, scope: Scope): readonly Advice[] {
  return (module?.exports ?? []).flatMap((name) => adviceOf(module?.exported(name) ?? { kind: 'none' }, scope));
}

function adviceOf(bound: Value | Lazy, scope: Scope): readonly Advice[] {
  const value = quietly(() => forced(bound));
  if (value?.kind !== 'tuple') return [];
  const advice = value.items.find((item) => item.key === 'advice')?.value;
  if (advice?.kind !== 'tuple') return [];
  const entry = (key: string): Value | undefined => advice.items.find((item) => item.key === key)?.value;
  return [
    {
      text: (key) => {
        const found = entry(key);
        return found?.kind === 'string' ? found.value : undefined;
      },
      atDepth: (key, depth) => {
        const fn = entry(key);
        if (fn?.kind !== 'function') return undefined;
        const { language } = scope.frame.session;
        const result = quietly(() => language.apply(fn, [number(depth)], advice, GENERATED, scope));
        return result?.kind === 'number' ? result.value : undefined;
      },
    },
  ];
}

/** A default that nothing has asked for may be wrong, which is no matter of the advice. */
function quietly<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}
