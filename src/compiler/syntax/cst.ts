/** Typed access to chevrotain's trees, whose children come as lists under the names of rules and tokens. */
import type { CstElement, CstNode, IToken } from 'chevrotain';
import { present } from '../support/invariant.ts';
import type { Source, Span } from '../support/source.ts';

function isNode(element: CstElement): element is CstNode {
  return 'children' in element;
}

export function nodesOf(parent: CstNode, rule: string): readonly CstNode[] {
  return (parent.children[rule] ?? []).filter(isNode);
}

export function nodeOf(parent: CstNode, rule: string): CstNode {
  return present(nodesOf(parent, rule)[0], `${rule} in ${parent.name}`);
}

export function tokensOf(parent: CstNode, type: string): readonly IToken[] {
  return (parent.children[type] ?? []).filter((element): element is IToken => !isNode(element));
}

export function tokenOf(parent: CstNode, type: string): IToken {
  return present(tokensOf(parent, type)[0], `${type} in ${parent.name}`);
}

export function has(parent: CstNode, key: string): boolean {
  return parent.children[key] !== undefined;
}

/** All children in the order of the source. */
export function childrenOf(parent: CstNode): readonly CstElement[] {
  return Object.values(parent.children)
    .flat()
    .sort((a, b) => startOf(a) - startOf(b));
}

function startOf(element: CstElement): number {
  return isNode(element) ? present(element.location, 'location').startOffset : element.startOffset;
}

export function spanOf(source: Source, element: CstElement): Span {
  if (!isNode(element)) {
    return { source, start: element.startOffset, end: element.startOffset + element.image.length };
  }
  const location = present(element.location, `location of ${element.name}`);
  return { source, start: location.startOffset, end: present(location.endOffset, 'end offset') + 1 };
}
