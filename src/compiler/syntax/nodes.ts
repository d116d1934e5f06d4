/** Walks over syntax trees without a case for each kind of node: for editors and other tools that ask for places. */
import { spanHolds } from '../support/source.ts';
import type {
  AxisOperation,
  Body,
  Dim,
  Expr,
  File,
  Item,
  Pattern,
  SelectorSegment,
  Statement,
  TypeExpr,
  Use,
} from './ast.ts';

/** What has a `kind`. Names, parameters, arguments and attributes are parts of these. */
export type Node =
  | File
  | Use
  | Item
  | Statement
  | Body
  | Pattern
  | TypeExpr
  | Dim
  | SelectorSegment
  | Expr
  | AxisOperation;

/** Every node below `node`, and `node` itself, each before those in it. */
export function* nodesIn(node: Node): Generator<Node> {
  yield node;
  for (const child of childrenOf(node)) yield* nodesIn(child);
}

/** The nodes around an offset, outermost first. The end of a node counts as a part of it: a cursor may stand there. */
export function pathTo(node: Node, offset: number): readonly Node[] {
  const path: Node[] = [node];
  for (let at: Node | undefined = node; at; ) {
    at = childrenOf(at).find((child) => holds(child, offset));
    if (at) path.push(at);
  }
  return path;
}

/** Segments of selectors that are one name have no span of their own. */
function holds(node: Node, offset: number): boolean {
  return spanHolds('span' in node ? node.span : node.name.span, offset);
}

const PARTS = new Set(['kind', 'span', 'name', 'names', 'doc', 'module']);

function childrenOf(node: Node): readonly Node[] {
  return Object.entries(node).flatMap(([key, value]) => (PARTS.has(key) ? [] : nodesOf(value)));
}

/** The outermost nodes in a part of a node. */
function nodesOf(value: unknown): readonly Node[] {
  if (Array.isArray(value)) return value.flatMap(nodesOf);
  if (typeof value !== 'object' || value === null) return [];
  if (isNode(value)) return [value];
  return Object.entries(value).flatMap(([key, part]) => (PARTS.has(key) ? [] : nodesOf(part)));
}

function isNode(value: object): value is Node {
  return 'kind' in value && typeof value.kind === 'string';
}
