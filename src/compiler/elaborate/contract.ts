/** `a @ b`: sums of products over shared axes. */
import type { Axis } from '../ir/graph.ts';
import { axesWithout, hasAxis, isSubset } from '../ir/tensor-type.ts';
import type { Span } from '../support/source.ts';
import type { Expr } from '../syntax/ast.ts';
import { resolveAxis } from './axis-name.ts';
import { axesText, axisLabels, textOf } from './describe.ts';
import { emit } from './emit.ts';
import { requireKind } from './pointwise.ts';
import { refuse, type Scope, type Session } from './session.ts';
import type { Tensor, Value } from './value.ts';
import { wantTensor } from './want.ts';

type ContractExpr = Extract<Expr, { kind: 'contract' }>;

export function evaluateContract(expr: ContractExpr, scope: Scope): Value {
  const { session } = scope.frame;
  const operand = (side: Expr): Tensor => {
    const value = wantTensor(session.language.evaluate(side, scope), side.span);
    requireKind(value, ['float'], side.span);
    return value;
  };
  const [left, right] = [operand(expr.left), operand(expr.right)];
  const over = expr.axes ? namedAxes(expr.axes, left, right, expr, scope) : [sharedAxis(session, left, right, expr)];
  return over.length === 0
    ? outer(session, left, right, expr.span)
    : contractOver(session, left, right, over, expr.span);
}

export function contractOver(session: Session, left: Tensor, right: Tensor, over: readonly Axis[], span: Span): Tensor {
  return emit(session, 'contract', { terms: [over.map((axis) => axis.id)] }, [left, right], span);
}

/** The product without a sum, with the axes of the left one first. */
export function outer(session: Session, left: Tensor, right: Tensor, span: Span): Tensor {
  const [a, b] = [left.value.type.axes, right.value.type.axes];
  const missing = axesWithout(b, a);
  const inBlock = left.inner || right.inner;
  const spread =
    missing.length === 0 || (inBlock && isSubset(a, b))
      ? left
      : emit(session, 'expand', { axes: missing }, [left], span);
  return emit(session, 'binary', { fn: 'mul' }, [spread, right], span);
}

/** The one axis that both have, of a bare `@`. */
function sharedAxis(session: Session, left: Tensor, right: Tensor, expr: ContractExpr): Axis {
  const [a, b] = [left.value.type.axes, right.value.type.axes];
  const shared = a.filter((axis) => hasAxis(b, axis.id));
  const [only] = shared;
  if (only && shared.length === 1) return only;
  const sides = {
    left: textOf(expr.left.span),
    leftAxes: axesText(a),
    right: textOf(expr.right.span),
    rightAxes: axesText(b),
  };
  if (only) refuse('contract-ambiguous', { ...sides, shared: shared.map((axis) => axis.name) }, expr.span);
  const twins = a.flatMap((x) => b.filter((y) => y.size === x.size).map((y) => [x, y] as const));
  const [twin] = twins;
  const rename = twin && `${textOf(expr.right.span)}[${twin[1].name} -> ${twin[0].name}]`;
  refuse(
    'contract-nothing',
    { ...sides, rename },
    expr.span,
    axisLabels(session, twin ?? [...a.slice(0, 1), ...b.slice(0, 1)]),
  );
}

function namedAxes(
  names: NonNullable<ContractExpr['axes']>,
  left: Tensor,
  right: Tensor,
  expr: ContractExpr,
  scope: Scope,
): readonly Axis[] {
  const axes = names.map((name) => {
    const axis = resolveAxis(name, scope);
    for (const [tensor, side] of [
      [left, expr.left],
      [right, expr.right],
    ] as const) {
      if (!hasAxis(tensor.value.type.axes, axis.id)) {
        refuse(
          'axis-absent',
          { axis: axis.name, text: textOf(side.span), axes: axesText(tensor.value.type.axes) },
          name.span,
          axisLabels(scope.frame.session, [axis]),
        );
      }
    }
    return axis;
  });
  axes.forEach((axis, i) => {
    if (axes.indexOf(axis) !== i)
      refuse('axis-twice', { axis: axis.name, where: 'the contraction' }, names[i]?.span ?? expr.span);
  });
  return axes;
}
