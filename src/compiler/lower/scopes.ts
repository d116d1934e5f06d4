/**
 * The nested lists of statements of a kernel that is being written.
 *
 * Statements go to the innermost open scope, or with `within` to an outer one: an outer scope's loop that is still open
 * is not yet among its statements, so what is written there comes before it.
 */
import type { Expr, KernelType, Statement } from '../ir/kernel.ts';
import { operandsOf } from '../ir/kernel-walk.ts';
import { invariant, present } from '../support/invariant.ts';

/** A list of statements that is being written. What is inside an `if` must not move out of it. */
export interface Scope {
  readonly statements: Statement[];
  readonly kind: 'body' | 'loop' | 'if';
}

export type Local = Expr & { readonly kind: 'local' };

export interface Scopes {
  /** A new local that belongs to the current scope. */
  local(name: string, type: KernelType): Local;
  emit(statement: Statement): void;
  /** What `write` writes, as the list inside a statement. */
  nested(kind: 'loop' | 'if', write: () => void): readonly Statement[];
  /** What `write` writes, as the body of a function. */
  apart(write: () => void): readonly Statement[];
  /** The outermost open scope in which `exprs` can be evaluated: that of their locals, but inside any open `if`. */
  scopeOf(exprs: readonly Expr[]): Scope;
  /** Writes to an open outer scope. */
  within(scope: Scope, write: () => void): void;
  isOpen(scope: Scope): boolean;
  /** The scope to which statements go. */
  current(): Scope;
}

export function makeScopes(): Scopes {
  const homes = new Map<string, Scope>();
  const scopesByExpr = new WeakMap<Expr, ReadonlySet<Scope>>();
  let open: readonly Scope[] = [{ statements: [], kind: 'body' }];

  const current = (): Scope => present(open.at(-1), 'open scope');
  const writeIn = (scopes: readonly Scope[], write: () => void): readonly Statement[] => {
    const before = open;
    open = scopes;
    write();
    const { statements } = current();
    open = before;
    return statements;
  };
  /** The scopes of the locals in an expression. */
  const scopesIn = (expr: Expr): ReadonlySet<Scope> => {
    const known = scopesByExpr.get(expr);
    if (known) return known;
    const found = new Set<Scope>();
    if (expr.kind === 'local') found.add(present(homes.get(expr.name), `local ${expr.name}`));
    if (expr.kind === 'element') found.add(present(homes.get(expr.array), `local ${expr.array}`));
    for (const operand of operandsOf(expr)) for (const scope of scopesIn(operand)) found.add(scope);
    scopesByExpr.set(expr, found);
    return found;
  };
  const depthOf = (scope: Scope): number => {
    const depth = open.indexOf(scope);
    invariant(depth >= 0, 'an expression or statement needs a scope that is closed');
    return depth;
  };

  return {
    local(name, type) {
      homes.set(name, current());
      return { kind: 'local', type, name };
    },
    emit: (statement) => void current().statements.push(statement),
    nested: (kind, write) => writeIn([...open, { statements: [], kind }], write),
    apart: (write) => writeIn([{ statements: [], kind: 'body' }], write),
    scopeOf(exprs) {
      const pinned = open.findLastIndex((scope) => scope.kind !== 'loop');
      const depths = exprs.flatMap((expr) => [...scopesIn(expr)].map(depthOf));
      return present(open[Math.max(pinned, ...depths)], 'scope');
    },
    within: (scope, write) => void writeIn(open.slice(0, depthOf(scope) + 1), write),
    isOpen: (scope) => open.includes(scope),
    current,
  };
}
