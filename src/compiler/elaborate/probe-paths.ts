/** The paths in a probe: `layer.*.x`, and `grad(layer.*.attn.wq)`. */
import type { Expr, Name } from '../syntax/ast.ts';
import { nodesIn } from '../syntax/nodes.ts';
import { find } from './env.ts';
import type { Scope } from './session.ts';

export interface ProbePath {
  /** What stands for the value: the path, or the call of `grad` around it. */
  readonly node: Expr;
  readonly path: Extract<Expr, { kind: 'member' }>;
  readonly segments: readonly Name[];
  readonly gradient: boolean;
}

/** The paths in an expression. What its first name, as an instance or record, has by itself is none. */
export function probePaths(expr: Expr, scope: Scope): readonly ProbePath[] {
  const paths = new Map<Expr, ProbePath>();
  const inner = new Set<Expr>();
  for (const node of nodesIn(expr)) {
    if (node.kind === 'call') {
      const argument = gradArgument(node, scope);
      const found = argument && pathIn(argument, node, scope, true);
      if (found) paths.set(found.path, found);
    } else if (node.kind === 'member' && !inner.has(node)) {
      for (let at: Expr = node; at.kind === 'member'; at = at.object) inner.add(at.object);
      const found = paths.get(node) ?? pathIn(node, node, scope, false);
      if (found) paths.set(node, found);
    }
  }
  return [...paths.values()];
}

/** Whether an expression has parts that only paths have: stars, and numbers of iterations. */
export function isPath(expr: Expr): boolean {
  return expr.kind === 'member' && (/^[*\d]/.test(expr.key.text) || isPath(expr.object));
}

function pathIn(expr: Expr, node: Expr, scope: Scope, gradient: boolean): ProbePath | undefined {
  if (expr.kind !== 'member') return undefined;
  const keys: Name[] = [];
  let at: Expr = expr;
  for (; at.kind === 'member'; at = at.object) keys.unshift(at.key);
  if (at.kind !== 'name') return undefined;
  const found = find(scope.env, at.name);
  if (found && found.value.kind !== 'tensor' && !isPath(expr)) return undefined;
  return { node, path: expr, segments: [{ text: at.name, span: at.span }, ...keys], gradient };
}

/** What `grad` is called with, where that name is the language's. */
function gradArgument({ callee, args }: Extract<Expr, { kind: 'call' }>, scope: Scope): Expr | undefined {
  if (callee.kind !== 'name' || callee.name !== 'grad' || find(scope.env, 'grad')?.value.kind !== 'builtin')
    return undefined;
  const [argument] = args;
  return argument && argument.value.kind !== 'rest' ? argument.value : undefined;
}
