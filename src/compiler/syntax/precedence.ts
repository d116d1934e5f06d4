/** Resolves the flat chains of operators that the parser leaves, by precedence climbing. */
import { syntaxDiagnostic } from '../diagnostics/syntax.ts';
import { present } from '../support/invariant.ts';
import { joinSpans, type Span } from '../support/source.ts';
import type { BinaryOperator, Expr, Name, UnaryOperator } from './ast.ts';
import type { Builder } from './builder.ts';

export type Operator =
  | { readonly kind: 'infix'; readonly operator: BinaryOperator; readonly span: Span }
  | { readonly kind: 'contraction'; readonly axes: readonly Name[] | undefined; readonly span: Span };

/** An operand with the prefixes before it, outermost first. */
export interface Operand {
  readonly prefixes: readonly { readonly operator: UnaryOperator; readonly span: Span }[];
  readonly value: Expr;
}

const COMPARISON = 4;
const NOT = 3;
const PRODUCT = 6;
const LEVELS: { readonly [O in BinaryOperator]: number } = {
  or: 1,
  and: 2,
  '==': COMPARISON,
  '!=': COMPARISON,
  '<': COMPARISON,
  '<=': COMPARISON,
  '>': COMPARISON,
  '>=': COMPARISON,
  '+': 5,
  '-': 5,
  '*': PRODUCT,
  '/': PRODUCT,
  '%': PRODUCT,
  '^': 8,
};

const SIGNS: ReadonlyMap<string, number> = new Map([...Object.entries(LEVELS), ['@', PRODUCT]]);

/** How tightly the operator that is written so binds. */
export function levelOfSign(sign: string): number {
  return present(SIGNS.get(sign), `operator ${sign}`);
}

const levelOf = (operator: Operator) => (operator.kind === 'infix' ? LEVELS[operator.operator] : PRODUCT);

/** `operators[i]` stands between `operands[i]` and `operands[i + 1]`. */
export function resolveChain(build: Builder, operands: readonly Operand[], operators: readonly Operator[]): Expr {
  let at = 0;

  function climb(floor: number, context: Operator | undefined): Expr {
    const { prefixes, value } = present(operands[at], 'an operand');
    return extend(prefixed(prefixes, 0, value, context), floor);
  }

  /** Takes all operators of at least the level `floor` that follow `start`. */
  function extend(start: Expr, floor: number): Expr {
    let left = start;
    let compared = false;
    for (let operator = operators[at]; operator !== undefined; operator = operators[at]) {
      const level = levelOf(operator);
      if (level < floor) break;
      if (level === COMPARISON && compared)
        build.report(syntaxDiagnostic('chained-comparison', {}, { span: operator.span }));
      compared ||= level === COMPARISON;
      at += 1;
      left = join(left, operator, climb(level + 1, operator));
    }
    return left;
  }

  /** A prefix takes what binds tighter than it: `-x ^ 2` is `-(x ^ 2)`, `not a == b` is `not (a == b)`. */
  function prefixed(prefixes: Operand['prefixes'], index: number, value: Expr, context: Operator | undefined): Expr {
    const prefix = prefixes[index];
    if (prefix === undefined) return power(value);
    const outer = index > 0 ? prefixes[index - 1]?.operator : undefined;
    if (prefix.operator === '-') return negate(prefix, prefixed(prefixes, index + 1, value, context));
    const tighter = outer === '-' ? '-' : context !== undefined && levelOf(context) > NOT ? signOf(context) : undefined;
    if (tighter !== undefined) {
      build.report(syntaxDiagnostic('not-as-operand', { operator: tighter }, { span: prefix.span }));
    }
    const inner = prefixed(prefixes, index + 1, value, undefined);
    return negate(prefix, extend(inner, NOT + 1));
  }

  /** `a ^ b` takes a whole unary to its right: `2 ^ -n`, `a ^ b ^ c` is `a ^ (b ^ c)`. */
  function power(base: Expr): Expr {
    const operator = operators[at];
    if (operator?.kind !== 'infix' || operator.operator !== '^') return base;
    at += 1;
    const { prefixes, value } = present(operands[at], 'an operand');
    return join(base, operator, prefixed(prefixes, 0, value, operator));
  }

  return climb(0, undefined);
}

function negate({ operator, span }: { operator: UnaryOperator; span: Span }, operand: Expr): Expr {
  return { kind: 'unary', operator, operand, span: joinSpans(span, operand.span) };
}

function join(left: Expr, operator: Operator, right: Expr): Expr {
  const span = joinSpans(left.span, right.span);
  if (operator.kind === 'contraction') return { kind: 'contract', axes: operator.axes, left, right, span };
  return { kind: 'binary', operator: operator.operator, left, right, span };
}

function signOf(operator: Operator): string {
  return operator.kind === 'infix' ? operator.operator : '@';
}
