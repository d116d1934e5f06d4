/** Builds the syntax tree from the parser's tree: declarations and statements. Expressions are in build-expression.ts. */
import type { CstNode, IToken } from 'chevrotain';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import { syntaxDiagnostic } from '../diagnostics/syntax.ts';
import { present } from '../support/invariant.ts';
import type { Source } from '../support/source.ts';
import type {
  Attribute,
  AxisStatement,
  Binding,
  Body,
  Expr,
  File,
  FnItem,
  For,
  If,
  Item,
  Name,
  ParamStatement,
  Probe,
  Rule,
  SelectorSegment,
  Statement,
  TrainItem,
  Use,
} from './ast.ts';
import {
  buildDims,
  buildExpression,
  buildNames,
  buildParams,
  buildPattern,
  buildType,
  expressionBody,
} from './build-expression.ts';
import { readString } from './build-literal.ts';
import { type Builder, nameOf } from './builder.ts';
import { childrenOf, has, nodeOf, nodesOf, spanOf, tokenOf, tokensOf } from './cst.ts';

export interface Built {
  readonly file: File;
  readonly diagnostics: readonly Diagnostic[];
}

/** Builds a file from the trees of its declarations. */
export function buildFile(source: Source, nodes: readonly CstNode[], docs: readonly IToken[]): Built {
  const diagnostics: Diagnostic[] = [];
  const build: Builder = {
    source,
    report: (diagnostic) => diagnostics.push(diagnostic),
    lambdaBody: (body) => buildBody(build, body, 'the lambda'),
  };
  const uses = nodes.filter((node) => has(node, 'use')).map((node) => buildUse(build, nodeOf(node, 'use')));
  const docsByEnd = new Map(docs.map((doc) => [skipSpaceBack(source.text, doc.startOffset + doc.image.length), doc]));
  const items = nodes
    .filter((node) => !has(node, 'use'))
    .map((node) => buildItem(build, node, docBefore(source, docsByEnd, spanOf(source, node).start)));
  const span = { source, start: 0, end: source.text.length };
  return { file: { kind: 'file', uses, items, span }, diagnostics };
}

/** The text of the `///` lines directly above the declaration that begins at `start`. */
function docBefore(source: Source, byEnd: ReadonlyMap<number, IToken>, start: number): string | undefined {
  const lines: string[] = [];
  let end = skipSpaceBack(source.text, start);
  for (let doc = byEnd.get(end); doc !== undefined; doc = byEnd.get(end)) {
    lines.unshift(doc.image.replace(/^\/\/\/ ?/, '').trimEnd());
    end = skipSpaceBack(source.text, doc.startOffset);
  }
  return lines.length === 0 ? undefined : lines.join('\n');
}

function skipSpaceBack(text: string, from: number): number {
  let at = from;
  while (at > 0 && ' \t\r\n'.includes(text[at - 1] ?? '')) at -= 1;
  return at;
}

function buildUse(build: Builder, node: CstNode): Use {
  const span = spanOf(build.source, node);
  const names = nodesOf(node, 'names').flatMap((list) => buildNames(build, list));
  const [text] = tokensOf(node, 'StringLiteral');
  if (text === undefined) {
    const path = tokensOf(node, 'Name').map((token) => nameOf(build, token));
    return { kind: 'use', module: { kind: 'library', path }, names, span };
  }
  const path = readString(build, text);
  if (names.length === 0) build.report(syntaxDiagnostic('use-without-names', { path }, { span }));
  return { kind: 'use', module: { kind: 'path', path }, names, span };
}

function buildItem(build: Builder, item: CstNode, doc: string | undefined): Item {
  if (has(item, 'fn')) return buildFn(build, nodeOf(item, 'fn'), doc);
  if (has(item, 'train')) return buildTrain(build, nodeOf(item, 'train'));
  const binding = buildBinding(build, nodeOf(item, 'binding'));
  return { kind: 'binding-item', binding, doc, span: binding.span };
}

function buildFn(build: Builder, node: CstNode, doc: string | undefined): FnItem {
  const model = has(node, 'Model');
  const name = nameOf(build, tokenOf(node, 'Name'));
  const lists = nodesOf(node, 'params').map((params) => buildParams(build, params));
  const [result] = nodesOf(node, 'type').map((type) => buildType(build, type));
  const bodyNode = nodeOf(node, 'fnBody');
  const what = model ? undefined : `\`${name.text}\``;
  const body = has(bodyNode, 'body')
    ? buildBody(build, nodeOf(bodyNode, 'body'), what)
    : expressionBody(build, nodeOf(bodyNode, 'expr'));
  if (model && body.result !== undefined) {
    build.report(syntaxDiagnostic('return-in-model', { name: name.text }, { span: body.result.span }));
  }
  if (model && result !== undefined) {
    build.report(syntaxDiagnostic('return-in-model', { name: name.text }, { span: result.span }));
  }
  return { kind: 'fn', model, name, lists, result, body, doc, span: spanOf(build.source, node) };
}

function buildTrain(build: Builder, node: CstNode): TrainItem {
  const [name] = tokensOf(node, 'Name').map((token) => nameOf(build, token));
  const entries = nodesOf(node, 'trainEntry').map((entry) => {
    if (has(entry, 'rule')) return buildRule(build, nodeOf(entry, 'rule'));
    if (has(entry, 'probe')) return buildProbe(build, nodeOf(entry, 'probe'));
    return buildBinding(build, nodeOf(entry, 'binding'));
  });
  const model = buildExpression(build, nodeOf(node, 'expr'));
  return { kind: 'train', name, model, entries, span: spanOf(build.source, node) };
}

/** A body with its value. `what` names the function whose value it is; a model has none. */
function buildBody(build: Builder, node: CstNode, what: string | undefined): Body {
  const span = spanOf(build.source, node);
  const stmts = nodesOf(node, 'stmt');
  const last = stmts.at(-1);
  const [result] = last === undefined ? [] : nodesOf(last, 'returnStmt');
  if (result === undefined && what !== undefined) {
    const end = { source: build.source, start: span.end - 1, end: span.end };
    build.report(syntaxDiagnostic('missing-return', { what }, { span: end }));
  }
  const statements = buildStatements(build, result === undefined ? stmts : stmts.slice(0, -1));
  const value = result && buildExpression(build, nodeOf(result, 'expr'));
  return { kind: 'body', statements, result: value, span };
}

/** Statements of a place where no `return` may stand. */
function buildStatements(build: Builder, stmts: readonly CstNode[]): readonly Statement[] {
  return stmts.flatMap((stmt) => {
    const [stray] = nodesOf(stmt, 'returnStmt');
    if (stray === undefined) return [buildStatement(build, stmt)];
    build.report(syntaxDiagnostic('misplaced-return', {}, { span: spanOf(build.source, stray) }));
    return [];
  });
}

const STATEMENTS: Readonly<Record<string, (build: Builder, node: CstNode) => Statement>> = {
  axis: buildAxis,
  weight: buildWeight,
  rule: buildRule,
  probe: buildProbe,
  forLoop: buildFor,
  ifStmt: buildIf,
  binding: buildBinding,
};

function buildStatement(build: Builder, stmt: CstNode): Statement {
  const [inner] = childrenOf(stmt);
  const name = inner !== undefined && 'children' in inner ? inner.name : '';
  return present(STATEMENTS[name], `a builder of ${name}`)(build, nodeOf(stmt, name));
}

function buildBinding(build: Builder, node: CstNode): Binding {
  const [type] = nodesOf(node, 'type').map((t) => buildType(build, t));
  return {
    kind: 'binding',
    pattern: buildPattern(build, nodeOf(node, 'pattern')),
    type,
    value: valueIn(build, node),
    span: spanOf(build.source, node),
  };
}

function valueIn(build: Builder, node: CstNode): Expr {
  return buildExpression(build, nodeOf(node, 'expr'));
}

function buildAxis(build: Builder, node: CstNode): AxisStatement {
  const name = nameOf(build, tokenOf(node, 'Name'));
  return { kind: 'axis', name, size: valueIn(build, node), span: spanOf(build.source, node) };
}

function buildWeight(build: Builder, node: CstNode): ParamStatement {
  return {
    kind: 'param',
    names: buildNames(build, nodeOf(node, 'names')),
    from: nodesOf(node, 'from').flatMap((dims) => buildDims(build, dims)),
    to: has(node, 'Arrow') ? nodesOf(node, 'to').flatMap((dims) => buildDims(build, dims)) : undefined,
    init: valueIn(build, node),
    attributes: nodesOf(node, 'attrs').flatMap((attrs) => buildAttributes(build, attrs)),
    span: spanOf(build.source, node),
  };
}

function buildAttributes(build: Builder, attrs: CstNode): readonly Attribute[] {
  return nodesOf(attrs, 'attr').map((attr) => ({
    name: nameOf(build, tokenOf(attr, 'Name')),
    value: valueIn(build, attr),
  }));
}

function buildRule(build: Builder, node: CstNode): Rule {
  const selector = nodesOf(node, 'seg').map((seg) => buildSegment(build, seg));
  const attributes = buildAttributes(build, nodeOf(node, 'attrs'));
  return { kind: 'rule', selector, attributes, span: spanOf(build.source, node) };
}

function buildSegment(build: Builder, seg: CstNode): SelectorSegment {
  const span = spanOf(build.source, seg);
  if (has(seg, 'segNames')) return { kind: 'choice', names: segmentNames(build, nodeOf(seg, 'segNames')), span };
  if (has(seg, 'Star')) return { kind: 'any', span };
  if (has(seg, 'StarStar')) return { kind: 'deep', span };
  return { kind: 'one', name: present(segmentNames(build, seg)[0], 'a segment') };
}

function segmentNames(build: Builder, node: CstNode): readonly Name[] {
  const tokens = [...tokensOf(node, 'Name'), ...tokensOf(node, 'NumberLiteral')];
  return tokens.sort((a, b) => a.startOffset - b.startOffset).map((token) => nameOf(build, token));
}

function buildProbe(build: Builder, node: CstNode): Probe {
  const name = nameOf(build, tokenOf(node, 'Name'));
  return { kind: 'probe', name, value: valueIn(build, node), span: spanOf(build.source, node) };
}

function buildFor(build: Builder, node: CstNode): For {
  const [from, to] = nodesOf(node, 'expr').map((expr) => buildExpression(build, expr));
  return {
    kind: 'for',
    names: tokensOf(node, 'Name').map((token) => nameOf(build, token)),
    from: present(from, 'what to loop over'),
    to,
    body: buildStatements(build, nodesOf(nodeOf(node, 'body'), 'stmt')),
    span: spanOf(build.source, node),
  };
}

function buildIf(build: Builder, node: CstNode): If {
  const block = (key: string) => nodesOf(node, key).flatMap((body) => buildStatements(build, nodesOf(body, 'stmt')));
  const elseIf = nodesOf(node, 'ifStmt').map((inner) => buildIf(build, inner));
  return {
    kind: 'if',
    condition: valueIn(build, node),
    whenTrue: block('body'),
    whenFalse: [...elseIf, ...block('otherwise')],
    span: spanOf(build.source, node),
  };
}
