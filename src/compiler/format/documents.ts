/** The documents of the parser's trees: what is a list, a block, a chain of operators, and what stands in a row. */
import type { CstElement, CstNode, TokenType } from 'chevrotain';
import * as T from '../../../grammar/tokens.ts';
import { present } from '../support/invariant.ts';
import { childrenOf, nodesOf } from '../syntax/cst.ts';
import { type BlockForm, type Bracket, blockOf, bracketed, onOneLine, rows } from './brackets.ts';
import { chain } from './chain.ts';
import { conditional, ifStatement } from './conditionals.ts';
import type { Context } from './context.ts';
import { assign, type Doc, sequence, text } from './doc.ts';
import { hasSpace } from './spaces.ts';

/** The document of a whole file. */
export function fileDoc(context: Context, items: readonly CstNode[]): Doc {
  const all = items.length > 0 ? [rows(context, items, (some) => inRow(context, 'file', some))] : [];
  return sequence([...all, ...(context.atEnd ? [context.atEnd] : [])]);
}

function docOf(context: Context, element: CstElement): Doc {
  // Comments pass commas, which belong to the word before.
  if ('image' in element) return element.tokenType === T.Comma ? text(',') : context.word(element);
  const layout = LAYOUTS[element.name];
  return layout ? layout(context, element) : joined(context, element.name, partsOf(element));
}

/** Rules with layouts of their own. In all others the parts stand in a row. */
const LAYOUTS: Readonly<Record<string, (context: Context, node: CstNode) => Doc>> = {
  expr: (context, node) => chain(context, childrenOf(node), (part) => docOf(context, part)),
  conditional: (context, node) => conditional(context, node, (part) => docOf(context, part)),
  ifStmt: (context, node) =>
    ifStatement(
      node,
      (part) => docOf(context, part),
      (body) => onOneLine(context, blockIn(body)),
      (body, form) => blockDoc(context, blockIn(body), form),
    ),
};

/** Rules whose parts are parts of the rule around them. */
const OPEN = new Set(['paramTail', 'fnBody']);

function partsOf(node: CstNode): readonly CstElement[] {
  return childrenOf(node).flatMap((child) => {
    const isKey = isNode(child, 'suffix') && nodesOf(child, 'key').length > 0;
    return isNode(child) && (isKey || isBareList(child) || OPEN.has(child.name)) ? partsOf(child) : [child];
  });
}

/** Items and commas, whose brackets belong to the rule around them. */
function isBareList(node: CstNode): boolean {
  const children = childrenOf(node);
  return children.length > 1 && children.every((child, i) => i % 2 === 0 || isComma(child));
}

function isComma(element: CstElement): boolean {
  return 'image' in element && (element.tokenType === T.Comma || element.tokenType === T.TrailingComma);
}

const ASSIGNS: ReadonlySet<TokenType> = new Set([T.Equals, T.Tilde, T.FatArrow]);

/** Parts of a rule. What stands behind `=`, `~` or `=>` may begin a line. */
function joined(context: Context, rule: string, parts: readonly CstElement[]): Doc {
  const at = parts.findIndex((part) => 'image' in part && ASSIGNS.has(part.tokenType));
  const operator = parts[at];
  const right = parts[at + 1];
  if (!operator || !right || isNode(right, 'body')) return inRow(context, rule, parts);
  return assign({
    left: inRow(context, rule, parts.slice(0, at)),
    operator: docOf(context, operator),
    right: inRow(context, rule, parts.slice(at + 1)),
    gap: context.gap(operator, right),
    keep: breaksWithin(right),
  });
}

/** Whether an expression breaks behind a bracket that stands on its first line. */
function breaksWithin(element: CstElement): boolean {
  if (!isNode(element, 'expr')) return false;
  const [only, ...more] = childrenOf(element);
  if (isNode(only, 'lambda')) return true;
  if (isNode(only, 'conditional')) return endsInBlock(element);
  if (!isNode(only, 'operand') || more.length > 0) return false;
  const last = childrenOf(only).at(-1);
  return last !== undefined && ('image' in last ? CLOSES.has(last.tokenType) : nodesOf(last, 'key').length === 0);
}

function endsInBlock(element: CstElement): boolean {
  const last = isNode(element) ? childrenOf(element).at(-1) : undefined;
  return (
    isNode(last, 'body') ||
    (['conditional', 'lambda', 'expr'].some((name) => isNode(last, name)) && endsInBlock(present(last, 'a part')))
  );
}

/** Parts of a rule, with a space between them where there is one. */
function inRow(context: Context, rule: string, parts: readonly CstElement[]): Doc {
  const docs: Doc[] = [];
  for (let at = 0; at < parts.length; at++) {
    const part = present(parts[at], 'a part');
    const before = parts[at - 1];
    if (before && hasSpace(rule, before, part, parts[at + 1])) docs.push(text(' '));
    const bracket = bracketAt(rule, parts, at);
    docs.push(bracket ? bracketDoc(context, bracket) : docOf(context, part));
    if (bracket) at += bracket.inner.length + 1;
  }
  return sequence(docs);
}

const CLOSES: ReadonlySet<TokenType> = new Set([T.CloseParen, T.CloseSquare, T.CloseBrace]);
const CLOSE_OF: ReadonlyMap<TokenType, TokenType> = new Map([
  [T.PlainParen, T.CloseParen],
  [T.LambdaParen, T.CloseParen],
  [T.OpenSquare, T.CloseSquare],
  [T.OpenBrace, T.CloseBrace],
]);

/** The bracket that opens at a part. Brackets within it belong to rules of its parts. */
function bracketAt(rule: string, parts: readonly CstElement[], at: number): Bracket | undefined {
  const open = parts[at];
  if (!open || !('image' in open)) return undefined;
  const type = CLOSE_OF.get(open.tokenType);
  if (!type) return undefined;
  const end = parts.findIndex((part, i) => i > at && 'image' in part && part.tokenType === type);
  const close = present(parts[end], 'a closing bracket');
  return 'image' in close ? { rule, open, inner: parts.slice(at + 1, end), close } : undefined;
}

/** Rules whose braces hold statements; those of others hold names. */
const BLOCKS = new Set(['body', 'attrs', 'train']);

function bracketDoc(context: Context, bracket: Bracket): Doc {
  if (BLOCKS.has(bracket.rule)) return blockDoc(context, bracket, onOneLine(context, bracket) ? 'one-line' : 'lines');
  return bracketed(context, bracket, (parts) => joined(context, bracket.rule, parts));
}

function blockDoc(context: Context, bracket: Bracket, form: BlockForm): Doc {
  return blockOf(context, bracket, form, (parts) => joined(context, bracket.rule, parts));
}

function blockIn(body: CstNode): Bracket {
  return present(bracketAt(body.name, partsOf(body), 0), 'a block');
}

function isNode(element: CstElement | undefined, name?: string): element is CstNode {
  return element !== undefined && 'children' in element && (name === undefined || element.name === name);
}
