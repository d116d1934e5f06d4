/** What stands under a cursor. */
import { type Span, spanHolds } from '../compiler/support/source.ts';
import type { Attribute, Expr, Name, TrainItem } from '../compiler/syntax/ast.ts';
import { type Declared, nameAt } from '../compiler/syntax/names.ts';
import { type Node, pathTo } from '../compiler/syntax/nodes.ts';
import type { Analysis } from './analysis.ts';

type ExprOf<K extends Expr['kind']> = Extract<Expr, { readonly kind: K }>;

export type Target =
  | { readonly kind: 'declared'; readonly declared: Declared; readonly span: Span }
  /** A name that nothing in the file binds. */
  | { readonly kind: 'free'; readonly name: string; readonly span: Span }
  | { readonly kind: 'member'; readonly member: ExprOf<'member'>; readonly span: Span }
  | { readonly kind: 'argument'; readonly call: ExprOf<'call'>; readonly name: string; readonly span: Span }
  | { readonly kind: 'key'; readonly value: Expr; readonly name: string; readonly span: Span }
  | { readonly kind: 'train-key'; readonly train: TrainItem; readonly name: string; readonly span: Span }
  | { readonly kind: 'attribute'; readonly name: string; readonly span: Span }
  | { readonly kind: 'expression'; readonly expr: Expr; readonly span: Span };

export function targetAt({ inspection, names }: Analysis, offset: number): Target | undefined {
  const declared = nameAt(names, offset);
  if (declared) return { kind: 'declared', ...declared };
  const free = names.free.find(({ span }) => spanHolds(span, offset));
  if (free) return { kind: 'free', ...free };
  const path = pathTo(inspection.tree, offset);
  for (const node of path.toReversed()) {
    const found = partAt(node, offset) ?? (isExpr(node) ? expression(node) : undefined);
    if (found) return found;
  }
  return undefined;
}

function expression(expr: Expr): Target {
  return { kind: 'expression', expr, span: expr.span };
}

/** A name in a node that is no value by itself. */
function partAt(node: Node, offset: number): Target | undefined {
  const here = (name: Name | undefined): name is Name => name !== undefined && spanHolds(name.span, offset);
  switch (node.kind) {
    case 'member':
      return here(node.key) ? { kind: 'member', member: node, span: node.key.span } : undefined;
    case 'call': {
      const name = node.args.map((arg) => arg.name).find(here);
      return name && { kind: 'argument', call: node, name: name.text, span: name.span };
    }
    case 'tuple': {
      const item = node.items.find(({ name }) => here(name));
      return item?.name && { kind: 'key', value: item.value, name: item.name.text, span: item.name.span };
    }
    case 'train': {
      const names = node.entries.map((e) =>
        e.kind === 'binding' && e.pattern.kind === 'name-pattern' ? e.pattern.name : undefined,
      );
      const name = names.find(here);
      return name && { kind: 'train-key', train: node, name: name.text, span: name.span };
    }
    case 'param':
    case 'rule': {
      const attributes: readonly Attribute[] = node.attributes;
      const name = attributes.map((attribute) => attribute.name).find(here);
      return name && { kind: 'attribute', name: name.text, span: name.span };
    }
    default:
      return undefined;
  }
}

const EXPRESSIONS: { readonly [K in Expr['kind']]: true } = {
  number: true,
  string: true,
  bool: true,
  none: true,
  name: true,
  lambda: true,
  conditional: true,
  unary: true,
  binary: true,
  contract: true,
  call: true,
  member: true,
  element: true,
  'axis-index': true,
  tuple: true,
  list: true,
};

export function isExpr(node: Node): node is Expr {
  return node.kind in EXPRESSIONS;
}
