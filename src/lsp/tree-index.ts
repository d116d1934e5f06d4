/** Expressions and bindings of a tree by their spans, which count by identity. */
import type { Span } from '../compiler/support/source.ts';
import type { Binding, Expr, File, Pattern } from '../compiler/syntax/ast.ts';
import { nodesIn } from '../compiler/syntax/nodes.ts';

export interface TreeIndex {
  /** The expression that is a name, by its span. */
  readonly names: ReadonlyMap<Span, Expr>;
  /** The binding of a name, with the parts of a tuple that lead to the name. */
  readonly bindings: ReadonlyMap<Span, { readonly binding: Binding; readonly parts: readonly number[] }>;
}

const known = new WeakMap<File, TreeIndex>();

export function indexOf(file: File): TreeIndex {
  const before = known.get(file);
  if (before) return before;
  const names = new Map<Span, Expr>();
  const bindings = new Map<Span, { binding: Binding; parts: readonly number[] }>();
  const add = (binding: Binding): void => {
    for (const { span, parts } of leavesOf(binding.pattern, [])) bindings.set(span, { binding, parts });
  };
  for (const node of nodesIn(file)) {
    if (node.kind === 'name') names.set(node.span, node);
    if (node.kind === 'binding') add(node);
  }
  const index = { names, bindings };
  known.set(file, index);
  return index;
}

function leavesOf(
  pattern: Pattern,
  parts: readonly number[],
): readonly { readonly span: Span; readonly parts: readonly number[] }[] {
  if (pattern.kind === 'name-pattern') return [{ span: pattern.name.span, parts }];
  return pattern.kind === 'ignore-pattern' ? [] : pattern.items.flatMap((item, i) => leavesOf(item, [...parts, i]));
}
