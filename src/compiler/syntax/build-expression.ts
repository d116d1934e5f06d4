/** Builds expressions, patterns and types from the parser's trees, which must be whole. */
import type { CstNode, IToken } from 'chevrotain';
import { syntaxDiagnostic } from '../diagnostics/syntax.ts';
import { present } from '../support/invariant.ts';
import { joinSpans, type Span } from '../support/source.ts';
import type {
  Argument,
  AxisOperation,
  BinaryOperator,
  Body,
  Dim,
  Expr,
  Name,
  Param,
  Pattern,
  TupleItem,
  TypeExpr,
  UnaryOperator,
} from './ast.ts';
import { buildNumber, readString } from './build-literal.ts';
import { type Builder, nameOf } from './builder.ts';
import { childrenOf, has, nodeOf, nodesOf, spanOf, tokenOf, tokensOf } from './cst.ts';
import { type Operand, type Operator, resolveChain } from './precedence.ts';

export function buildExpression(build: Builder, expr: CstNode): Expr {
  const [lambda] = nodesOf(expr, 'lambda');
  if (lambda !== undefined) return buildLambda(build, lambda);
  const [conditional] = nodesOf(expr, 'conditional');
  if (conditional !== undefined) return buildConditional(build, conditional);
  const operands = nodesOf(expr, 'operand').map((operand) => buildOperand(build, operand));
  const operators = nodesOf(expr, 'operator').map((operator) => buildOperator(build, operator));
  return resolveChain(build, operands, operators);
}

function buildLambda(build: Builder, lambda: CstNode): Expr {
  const span = spanOf(build.source, lambda);
  const [name] = [...tokensOf(lambda, 'Name'), ...tokensOf(lambda, 'Underscore')];
  const params = name === undefined ? buildParams(build, nodeOf(lambda, 'paramTail')) : [lambdaParam(build, name)];
  const body = has(lambda, 'body')
    ? build.lambdaBody(nodeOf(lambda, 'body'))
    : expressionBody(build, nodeOf(lambda, 'expr'));
  return { kind: 'lambda', params, body, span };
}

/** `= expr` as a body without statements. */
export function expressionBody(build: Builder, expr: CstNode): Body {
  return { kind: 'body', statements: [], result: buildExpression(build, expr), span: spanOf(build.source, expr) };
}

function lambdaParam(build: Builder, token: IToken): Param {
  const pattern = leafPattern(build, token);
  return { pattern, type: undefined, default: undefined, span: pattern.span };
}

function buildConditional(build: Builder, node: CstNode): Expr {
  const [condition, then, otherwise] = nodesOf(node, 'expr').map((expr) => buildExpression(build, expr));
  return {
    kind: 'conditional',
    condition: present(condition, 'a condition'),
    whenTrue: present(then, 'a value'),
    whenFalse: present(otherwise, 'an else'),
    span: spanOf(build.source, node),
  };
}

const INFIX: ReadonlyMap<string, BinaryOperator> = new Map(
  (['or', 'and', '==', '!=', '<', '<=', '>', '>=', '+', '-', '*', '/', '%', '^'] as const).map((o) => [o, o]),
);

function buildOperator(build: Builder, node: CstNode): Operator {
  const span = spanOf(build.source, node);
  if (!has(node, 'At')) {
    const [token] = childrenOf(node);
    const image = token !== undefined && 'image' in token ? token.image : '';
    return { kind: 'infix', operator: present(INFIX.get(image), `operator ${image}`), span };
  }
  const names = nodesOf(node, 'names').flatMap((list) => buildNames(build, list));
  return { kind: 'contraction', axes: has(node, 'OpenSquare') ? names : undefined, span };
}

function buildOperand(build: Builder, node: CstNode): Operand {
  const prefixes = [...tokensOf(node, 'Minus'), ...tokensOf(node, 'Not')]
    .sort((a, b) => a.startOffset - b.startOffset)
    .map((token) => ({
      operator: (token.image === '-' ? '-' : 'not') satisfies UnaryOperator as UnaryOperator,
      span: spanOf(build.source, token),
    }));
  let value = buildAtom(build, node);
  for (const suffix of nodesOf(node, 'suffix')) value = buildSuffix(build, value, suffix);
  return { prefixes, value };
}

function buildAtom(build: Builder, operand: CstNode): Expr {
  if (has(operand, 'PlainParen')) return buildTuple(build, operand);
  if (has(operand, 'OpenSquare')) {
    const items = nodesOf(operand, 'expr').map((expr) => buildExpression(build, expr));
    return { kind: 'list', items, span: bracketSpan(build, operand, 'OpenSquare', 'CloseSquare') };
  }
  const token = ATOMS.flatMap((type) => tokensOf(operand, type))[0];
  return buildAtomToken(build, present(token, 'an atom'));
}

const ATOMS = ['NumberLiteral', 'StringLiteral', 'True', 'False', 'None', 'Inf', 'Name', 'Underscore'];

function bracketSpan(build: Builder, node: CstNode, open: string, close: string): Span {
  return joinSpans(spanOf(build.source, tokenOf(node, open)), spanOf(build.source, tokenOf(node, close)));
}

function buildAtomToken(build: Builder, token: IToken): Expr {
  const span = spanOf(build.source, token);
  switch (token.tokenType.name) {
    case 'NumberLiteral':
      return buildNumber(build, token);
    case 'StringLiteral':
      return { kind: 'string', value: readString(build, token), span };
    case 'True':
    case 'False':
      return { kind: 'bool', value: token.image === 'true', span };
    case 'None':
      return { kind: 'none', span };
    case 'Inf':
      return { kind: 'number', value: Number.POSITIVE_INFINITY, span };
    case 'Underscore':
      build.report(syntaxDiagnostic('underscore-value', {}, { span }));
      return { kind: 'none', span };
    default:
      return { kind: 'name', name: token.image, span };
  }
}

/** `(e)` is `e` itself; a comma makes a tuple. */
function buildTuple(build: Builder, node: CstNode): Expr {
  const items = nodesOf(node, 'entry').map((entry) => buildEntry(build, entry));
  const [first] = items;
  if (items.length === 1 && first !== undefined && !has(node, 'TrailingComma')) {
    if (first.name === undefined) return first.value;
    const span = joinSpans(first.name.span, first.value.span);
    build.report(syntaxDiagnostic('entry-needs-comma', { name: first.name.text }, { span }));
  }
  return { kind: 'tuple', items, span: bracketSpan(build, node, 'PlainParen', 'CloseParen') };
}

function buildEntry(build: Builder, entry: CstNode): TupleItem {
  const [name] = tokensOf(entry, 'Name').map((token) => nameOf(build, token));
  return { name, value: buildExpression(build, nodeOf(entry, 'expr')) };
}

function buildSuffix(build: Builder, object: Expr, suffix: CstNode): Expr {
  const span = joinSpans(object.span, spanOf(build.source, suffix));
  const [key] = nodesOf(suffix, 'key').flatMap(childrenOf);
  if (key !== undefined && 'image' in key) return { kind: 'member', object, key: nameOf(build, key), span };
  if (has(suffix, 'CloseParen')) {
    const args = nodesOf(suffix, 'arg').map((arg) => buildArgument(build, arg));
    return { kind: 'call', callee: object, args, span };
  }
  const [index] = nodesOf(suffix, 'expr');
  if (index !== undefined) return { kind: 'element', object, index: buildExpression(build, index), span };
  const operations = nodesOf(suffix, 'axisOp').map((operation) => buildAxisOperation(build, operation));
  return { kind: 'axis-index', object, operations, span };
}

function buildArgument(build: Builder, arg: CstNode): Argument {
  const [name] = tokensOf(arg, 'Name').map((token) => nameOf(build, token));
  const [rest] = tokensOf(arg, 'DotDot');
  const value: Argument['value'] =
    rest === undefined
      ? buildExpression(build, nodeOf(arg, 'expr'))
      : { kind: 'rest', span: spanOf(build.source, rest) };
  return { name, value, span: spanOf(build.source, arg) };
}

function buildAxisOperation(build: Builder, node: CstNode): AxisOperation {
  const span = spanOf(build.source, node);
  if (has(node, 'Arrow')) {
    const side = (key: string) => tokensOf(nodeOf(node, key), 'Name').map((token) => nameOf(build, token));
    return { kind: 'reshape', from: side('from'), to: side('to'), span };
  }
  const axis = nameOf(build, tokenOf(node, 'Name'));
  const [from, to] = nodesOf(node, 'expr').map((expr) => buildExpression(build, expr));
  const index = present(from, 'an index');
  return to === undefined ? { kind: 'at', axis, index, span } : { kind: 'range', axis, from: index, to, span };
}

export function buildNames(build: Builder, names: CstNode): readonly Name[] {
  return tokensOf(names, 'Name').map((token) => nameOf(build, token));
}

/** The parameters in a `params` or `paramTail`. */
export function buildParams(build: Builder, node: CstNode): readonly Param[] {
  const tail = has(node, 'paramTail') ? nodeOf(node, 'paramTail') : node;
  return nodesOf(tail, 'param').map((param) => {
    const [type] = nodesOf(param, 'paramType').map((t) =>
      has(t, 'Axis') ? ('axis' as const) : buildType(build, nodeOf(t, 'type')),
    );
    const [fallback] = nodesOf(param, 'expr').map((expr) => buildExpression(build, expr));
    const pattern = buildPattern(build, nodeOf(param, 'pattern'));
    return { pattern, type, default: fallback, span: spanOf(build.source, param) };
  });
}

export function buildPattern(build: Builder, node: CstNode): Pattern {
  const [leaf] = [...tokensOf(node, 'Name'), ...tokensOf(node, 'Underscore')];
  if (leaf !== undefined) return leafPattern(build, leaf);
  const items = nodesOf(node, 'pattern').map((pattern) => buildPattern(build, pattern));
  return { kind: 'tuple-pattern', items, span: spanOf(build.source, node) };
}

function leafPattern(build: Builder, token: IToken): Pattern {
  const span = spanOf(build.source, token);
  return token.image === '_'
    ? { kind: 'ignore-pattern', span }
    : { kind: 'name-pattern', name: nameOf(build, token), span };
}

export function buildType(build: Builder, node: CstNode): TypeExpr {
  const [kind] = tokensOf(node, 'Name');
  const dims = nodesOf(node, 'dims').flatMap((list) => buildDims(build, list));
  return {
    kind: 'type',
    element: kind === undefined ? 'float' : elementOf(build, kind),
    dims,
    span: spanOf(build.source, node),
  };
}

function elementOf(build: Builder, token: IToken): TypeExpr['element'] {
  if (token.image === 'int' || token.image === 'bool') return token.image;
  build.report(syntaxDiagnostic('unknown-element-kind', { name: token.image }, { span: spanOf(build.source, token) }));
  return 'float';
}

export function buildDims(build: Builder, node: CstNode): readonly Dim[] {
  return nodesOf(node, 'dim').map((dim) => {
    const span = spanOf(build.source, dim);
    const [name] = tokensOf(dim, 'Name').map((token) => nameOf(build, token));
    return has(dim, 'DotDot') || name === undefined
      ? { kind: 'row-dim', name, span }
      : { kind: 'axis-dim', name, span };
  });
}
