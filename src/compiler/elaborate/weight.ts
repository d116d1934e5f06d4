/** `param`: weights, identified by their place. */
import type { Axis } from '../ir/graph.ts';
import { elementsOf, floats, sameAxes } from '../ir/tensor-type.ts';
import type { Span } from '../support/source.ts';
import type { Dim, Name, ParamStatement } from '../syntax/ast.ts';
import { resolveAxis } from './axis-name.ts';
import { sizedAxesText } from './describe.ts';
import { freshValue, tensorOf } from './emit.ts';
import { bind, type Env, whereBound } from './env.ts';
import { boundRow } from './pattern.ts';
import { type Place, weightSlotAt } from './place.ts';
import { at, type DeclaredWeight, refuse, type Scope } from './session.ts';
import { number, type Tensor } from './value.ts';

export function declareWeights(statement: ParamStatement, scope: Scope): Env {
  const { place } = scope.frame;
  if (!place) return refuse('param-at-top-level', {}, statement.span);
  const from = dimAxes(statement.from, scope);
  const to = statement.to && dimAxes(statement.to, scope);
  const axes = [...from, ...(to ?? [])];
  requireDistinct(axes, statement);
  return statement.names.reduce((env, name) => {
    const weight = declare(name, statement, { from, to, axes }, place, at(scope, env));
    return bind(env, name.text, weight, name.span);
  }, scope.env);
}

interface Shape {
  readonly from: readonly Axis[];
  readonly to: readonly Axis[] | undefined;
  readonly axes: readonly Axis[];
}

function declare(name: Name, statement: ParamStatement, shape: Shape, place: Place, scope: Scope): Tensor {
  const { session, loops } = scope.frame;
  const bound = whereBound(scope.env, name.text);
  if (bound?.where === 'own')
    refuse('name-taken', { name: name.text }, name.span, [{ span: bound.span, text: 'bound here' }]);
  const slot = weightSlotAt(place, statement, name.text, loops, name.span);
  const known = session.weights.get(slot);
  if (known) {
    requireSameShape(known, name, shape.axes, scope);
    return tensorOf(known.value, true);
  }
  const fanIn = shape.to && elementsOf(shape.from);
  const fanOut = shape.to && elementsOf(shape.to);
  const value = freshValue(session, floats(shape.axes));
  session.names.set(value.id, [...place.shown, ...loops.shown, name.text].join('.'));
  const { attributes, init } = statement;
  session.lanes?.undo.push(() => session.weights.delete(slot));
  session.weights.set(slot, {
    slot,
    value,
    arrow: shape.to !== undefined,
    fanIn,
    fanOut,
    init,
    lanes: loops.lanes ?? place.lanes,
    attributes,
    scope,
    use: scope.frame.activation?.call,
    span: statement.span,
  });
  return tensorOf(value, true);
}

/** Only weights with an arrow have fans. */
export function bindFans(env: Env, fanIn: number | undefined, fanOut: number | undefined, span: Span): Env {
  if (fanIn === undefined || fanOut === undefined) return env;
  return bind(bind(env, 'fan_in', number(fanIn), span), 'fan_out', number(fanOut), span);
}

function dimAxes(dims: readonly Dim[], scope: Scope): readonly Axis[] {
  return dims.flatMap((dim): readonly Axis[] => {
    if (dim.kind === 'axis-dim') return [resolveAxis(dim.name, scope)];
    return boundRow(dim, scope) ?? refuse('no-row', {}, dim.span);
  });
}

function requireDistinct(axes: readonly Axis[], statement: ParamStatement): void {
  const again = axes.find((axis, i) => axes.findIndex((other) => other.id === axis.id) !== i);
  if (!again) return;
  const dims = [...statement.from, ...(statement.to ?? [])];
  const second = dims.findLast((dim) => dim.kind === 'axis-dim' && dim.name.text === again.name);
  refuse('weight-axis-twice', { axis: again.name }, second?.span ?? statement.span);
}

function requireSameShape(known: DeclaredWeight, name: Name, axes: readonly Axis[], scope: Scope): void {
  const before = known.value.type.axes;
  if (sameAxes(before, axes)) return;
  const use = scope.frame.activation?.call ?? name.span;
  const labels = known.use ? [{ span: known.use, text: `here it is ${sizedAxesText(before)}` }] : [];
  refuse(
    'weight-two-shapes',
    { name: name.text, before: sizedAxesText(before), now: sizedAxesText(axes) },
    use,
    labels,
  );
}
