import type { CstElement, CstNode } from 'chevrotain';
import { present } from '../support/invariant.ts';
import { childrenOf, nodesOf } from '../syntax/cst.ts';
import type { BlockForm } from './brackets.ts';
import type { Context } from './context.ts';
import { align, type Doc, group, indent, line, sequence, text } from './doc.ts';

type DocOf = (element: CstElement) => Doc;

/** `if c then a else b` on one line, or a line for each branch. */
export function conditional(context: Context, node: CstNode, docOf: DocOf): Doc {
  return group(align(branches(context, node, docOf)), true);
}

/** The branches of what stands behind `else` are branches of the whole. */
function branches(context: Context, node: CstNode, docOf: DocOf): Doc {
  const [head, condition, then, value, otherwise, rest] = childrenOf(node).map((child) => present(child, 'a branch'));
  const part = (child: CstElement | undefined): CstElement => present(child, 'a part of a conditional');
  const gap = (before: CstElement | undefined, after: CstElement | undefined) =>
    line(' ', context.gap(part(before), part(after)));
  const last = part(rest);
  const [nested] = 'children' in last ? nodesOf(last, 'conditional') : [];
  return sequence([
    docOf(part(head)),
    text(' '),
    docOf(part(condition)),
    group(indent(sequence([gap(condition, then), docOf(part(then)), text(' '), docOf(part(value))]))),
    gap(value, otherwise),
    docOf(part(otherwise)),
    text(' '),
    nested ? branches(context, nested, docOf) : docOf(last),
  ]);
}

/** `if c { } else { }`, whose blocks all stand on the line, or none does. */
export function ifStatement(
  node: CstNode,
  docOf: DocOf,
  onOneLine: (body: CstNode) => boolean,
  blockOf: (body: CstNode, form: BlockForm) => Doc,
): Doc {
  const oneLine = bodiesOf(node).every(onOneLine);
  const partsOf = (statement: CstNode): readonly Doc[] =>
    childrenOf(statement).flatMap((child, i) => {
      const space = i === 0 ? [] : [text(' ')];
      if ('image' in child || child.name === 'expr') return [...space, docOf(child)];
      if (child.name === 'ifStmt') return [...space, ...partsOf(child)];
      return [...space, blockOf(child, oneLine ? 'with-others' : 'lines')];
    });
  const whole = sequence(partsOf(node));
  return oneLine ? group(whole) : whole;
}

function bodiesOf(node: CstNode): readonly CstNode[] {
  return [
    ...nodesOf(node, 'body'),
    ...nodesOf(node, 'otherwise'),
    ...nodesOf(node, 'ifStmt').flatMap((inner) => bodiesOf(inner)),
  ];
}
