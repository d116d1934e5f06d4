/** What a function that the language has from the start is given. */
import type { Axis } from '../../ir/graph.ts';
import { hasAxis } from '../../ir/tensor-type.ts';
import { invariant } from '../../support/invariant.ts';
import type { Span } from '../../support/source.ts';
import { axesText, axisLabels, textOf } from '../describe.ts';
import { refuse, type Scope, type Session } from '../session.ts';
import type { GivenValue, Tensor, Value } from '../value.ts';
import { wantBoundAxis } from '../want.ts';

export interface BuiltinCall {
  readonly name: string;
  readonly session: Session;
  readonly scope: Scope;
  readonly span: Span;
  /** Identifies the call in the text. */
  readonly node: object;
  /** Arguments by the name of their parameter. */
  readonly given: ReadonlyMap<string, GivenValue>;
  /** What identifies an argument in the text. */
  readonly nodes: ReadonlyMap<string, object>;
  /** Positional arguments beyond the parameters. */
  readonly rest: readonly GivenValue[];
}

export interface Builtin {
  /** Names in order; those that end in `?` may be missing. */
  readonly params: readonly string[];
  /** Takes further positional arguments. */
  readonly rest?: true;
  readonly run: (call: BuiltinCall) => Value;
}

export type BuiltinTable = Readonly<Record<string, Builtin>>;

/** The argument of a parameter that cannot be missing. */
export function argument(call: BuiltinCall, name: string): GivenValue {
  const given = call.given.get(name);
  invariant(given, `argument ${name} of ${call.name}`);
  return given;
}

/** An axis that `tensor` must have. */
export function axisArgument(call: BuiltinCall, given: GivenValue, tensor: Tensor, of: Span): Axis {
  return requireAxis(call, wantBoundAxis(given.value, given.span), given.span, tensor, of);
}

/** The axes that an argument such as `over` names: one, a list of them, or all when it is missing. */
export function axesArgument(call: BuiltinCall, name: string, tensor: Tensor, of: Span): readonly Axis[] {
  const given = call.given.get(name);
  if (!given) return tensor.value.type.axes;
  const { value, span } = given;
  const axes =
    value.kind === 'list' ? value.items.map((item) => wantBoundAxis(item, span)) : [wantBoundAxis(value, span)];
  axes.forEach((axis, i) => {
    requireAxis(call, axis, span, tensor, of);
    if (axes.findIndex((other) => other.id === axis.id) !== i)
      refuse('axis-twice', { axis: axis.name, where: `\`${name}\`` }, span);
  });
  return axes;
}

function requireAxis({ session }: BuiltinCall, axis: Axis, span: Span, tensor: Tensor, of: Span): Axis {
  const { axes } = tensor.value.type;
  if (!hasAxis(axes, axis.id)) {
    const labels = axisLabels(session, [axis]);
    refuse('axis-absent', { axis: axis.name, text: textOf(of), axes: axesText(axes) }, span, labels);
  }
  return axis;
}
