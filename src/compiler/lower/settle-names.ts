/** Gives the locals of a finished kernel their names: as wished, with a number only where two are visible at once. */
import type { Expr, Kernel, KernelFunction, Statement } from '../ir/kernel.ts';
import { mapFunction, mapOperands, mapStatement } from '../ir/kernel-walk.ts';
import { freeName } from '../support/free-name.ts';

/** The wish in the internal name of a local, which is `WISH#` or `WISH#_2`. */
function wishOf(name: string): string {
  return name.slice(0, name.indexOf('#'));
}

export function settleNames(kernel: Kernel): Kernel {
  const globals = new Set<string>(
    [...kernel.buffers, ...kernel.uniforms, ...kernel.shared, ...kernel.functions].map((named) => named.name),
  );
  const settleFunction = (fn: KernelFunction): KernelFunction => {
    const names = new Map<string, string>();
    const used = new Set(globals);
    const params = fn.params.map((param) => ({ ...param, name: declare(param.name, names, used) }));
    return mapFunction({ ...fn, params }, (body) => settleList(body, names, used));
  };
  return {
    ...kernel,
    functions: kernel.functions.map(settleFunction),
    body: settleList(kernel.body, new Map(), new Set(globals)),
  };
}

function declare(name: string, names: Map<string, string>, used: Set<string>): string {
  const settled = freeName(wishOf(name), (candidate) => used.has(candidate));
  names.set(name, settled);
  used.add(settled);
  return settled;
}

/** `names` and `used` belong to the enclosing scopes; what the list declares is forgotten after it. */
function settleList(
  statements: readonly Statement[],
  names: ReadonlyMap<string, string>,
  used: ReadonlySet<string>,
): readonly Statement[] {
  const inner = new Map(names);
  const taken = new Set(used);
  const expr = (e: Expr): Expr => {
    if (e.kind === 'local') return { ...e, name: inner.get(e.name) ?? e.name };
    const own = mapOperands(e, expr);
    return own.kind === 'element' ? { ...own, array: inner.get(own.array) ?? own.array } : own;
  };
  return statements.map((statement) => {
    if (statement.kind === 'for') {
      const own = mapStatement(statement, expr, (body) => body);
      const bodyNames = new Map(inner);
      const bodyTaken = new Set(taken);
      const index = declare(statement.name, bodyNames, bodyTaken);
      return { ...own, name: index, body: settleList(statement.body, bodyNames, bodyTaken) };
    }
    const own = mapStatement(statement, expr, (body) => settleList(body, inner, taken));
    if (isDeclaration(own)) return { ...own, name: declare(own.name, inner, taken) };
    if (own.kind === 'round_fragment') {
      const from = inner.get(own.from) ?? own.from;
      return { ...own, from, name: declare(own.name, inner, taken) };
    }
    if (own.kind === 'assign') return { ...own, name: inner.get(own.name) ?? own.name };
    if (own.kind === 'assign_element') return { ...own, array: inner.get(own.array) ?? own.array };
    if (own.kind === 'multiply_fragments') {
      const settled = (name: string): string => inner.get(name) ?? name;
      return { ...own, into: settled(own.into), row: settled(own.row), column: settled(own.column) };
    }
    return own;
  });
}

function isDeclaration(
  statement: Statement,
): statement is Extract<Statement, { kind: 'let' | 'var' | 'array' | 'shuffle' | 'load_fragment' }> {
  return ['let', 'var', 'array', 'shuffle', 'load_fragment'].includes(statement.kind);
}
