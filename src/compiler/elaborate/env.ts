/**
 * Environments: what names mean at a point of the program.
 *
 * An environment is an immutable chain, newest binding first, so that a lambda keeps the meaning that its free names had
 * where it was written, and rebinding a name is a new link.
 */
import type { Axis } from '../ir/graph.ts';
import type { Span } from '../support/source.ts';
import type { Value } from './value.ts';

export type Env = Binding | Boundary | FileScope;

/** A value that is computed when it is first asked for. */
export interface Lazy {
  readonly kind: 'lazy';
  readonly force: () => Value;
  /** The value, if it was asked for before. */
  readonly known: () => Value | undefined;
}

interface Binding {
  readonly kind: 'binding';
  readonly name: string;
  readonly value: Value | Lazy;
  readonly span: Span;
  readonly next: Env;
}

/** Where the names of a function's body begin. Axes that expressions make on the fly are named here. */
export interface Boundary {
  readonly kind: 'boundary';
  readonly axes: Map<string, { readonly axis: Axis; readonly span: Span }>;
  readonly next: Env;
}

/** The top level of a file, and behind it what every file sees. */
export interface FileScope {
  readonly kind: 'file';
  readonly find: (name: string) => Value | undefined;
  /** All names, for suggestions. */
  readonly names: () => readonly string[];
}

export function bind(env: Env, name: string, value: Value | Lazy, span: Span): Env {
  return { kind: 'binding', name, value, span, next: env };
}

export function boundary(next: Env): Boundary {
  return { kind: 'boundary', axes: new Map(), next };
}

export interface Found {
  readonly value: Value;
  readonly span: Span | undefined;
  /** Bound by the innermost body, by one around it, or at the top level. */
  readonly where: 'own' | 'outer' | 'file';
}

/** What `name` means; undefined when it is not bound. */
export function find(env: Env, name: string): Found | undefined {
  let where: 'own' | 'outer' = 'own';
  for (let at = env; ; at = at.next) {
    if (at.kind === 'file') {
      const value = at.find(name);
      return value && { value, span: undefined, where: 'file' };
    }
    if (at.kind === 'binding') {
      if (at.name === name) return { value: forced(at.value), span: at.span, where };
    } else {
      const made = at.axes.get(name);
      if (made) return { value: { kind: 'axis', axis: made.axis }, span: made.span, where };
      where = 'outer';
    }
  }
}

/** Where `name` is bound, without asking for its value. */
export function whereBound(env: Env, name: string): { where: 'own' | 'outer'; span: Span } | undefined {
  let where: 'own' | 'outer' = 'own';
  for (let at = env; at.kind !== 'file'; at = at.next) {
    if (at.kind === 'binding' && at.name === name) return { where, span: at.span };
    if (at.kind === 'boundary') where = 'outer';
  }
  return undefined;
}

/** The innermost boundary. */
export function boundaryOf(env: Env): Boundary | undefined {
  for (let at = env; at.kind !== 'file'; at = at.next) if (at.kind === 'boundary') return at;
  return undefined;
}

/** The last binding of a name. */
export interface Rebound {
  readonly name: string;
  readonly value: Value | Lazy;
  readonly span: Span;
}

/** The last binding of each name that `env` has beyond `base`, oldest first. */
export function bindingsSince(env: Env, base: Env): readonly Rebound[] {
  const latest = new Map<string, Rebound>();
  for (let at = env; at !== base && at.kind !== 'file'; at = at.next) {
    if (at.kind === 'binding' && !latest.has(at.name)) latest.set(at.name, at);
  }
  return [...latest.values()].reverse();
}

/** Every name that means something here, for suggestions. */
export function namesIn(env: Env): readonly string[] {
  const names = new Set<string>();
  for (let at = env; ; at = at.next) {
    if (at.kind === 'file') return [...names, ...at.names()];
    if (at.kind === 'binding') names.add(at.name);
    else for (const name of at.axes.keys()) names.add(name);
  }
}

export function forced(value: Value | Lazy): Value {
  return value.kind === 'lazy' ? value.force() : value;
}

/** Every binding that `env` has beyond `base`, and the axes that expressions made in the body: oldest first. */
export function allBindingsSince(env: Env, base: Env): readonly Rebound[] {
  const all: Rebound[] = [];
  for (let at = env; at.kind !== 'file'; at = at.next) {
    if (at.kind === 'binding') all.push(at);
    else for (const [name, { axis, span }] of at.axes) all.push({ name, value: { kind: 'axis', axis }, span });
    if (at === base) break;
  }
  return all.reverse();
}
