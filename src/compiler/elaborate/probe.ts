/** `probe`: numbers that are looked at beside the training, and that no gradient flows through. */
import { floats } from '../ir/tensor-type.ts';
import type { Probe } from '../syntax/ast.ts';
import { axisText } from './describe.ts';
import { freshValue } from './emit.ts';
import { probePaths } from './probe-paths.ts';
import { giveUp, type ProbeValue, refuse, type Scope, type Session } from './session.ts';
import type { Tensor, Value } from './value.ts';

/** Evaluates a probe. One that looks at values by path waits until all of them are there. */
export function runProbe(statement: Probe, scope: Scope): void {
  const { session, place, loops } = scope.frame;
  if (session.weightFunction !== undefined)
    refuse('probe-in-weight-function', { attribute: session.weightFunction }, statement.span);
  session.hasProbes = true;
  if (!session.wantsProbes) return;
  const [path] = probePaths(statement.value, scope);
  if (path) {
    const isOutside = place && !place.parent && loops.key === '';
    if (!isOutside) refuse('path-not-here', { path: path.segments.map((s) => s.text).join('.') }, path.path.span);
    session.probing.distant.push({ statement, scope });
    return;
  }
  const tensor = probeTensor(statement, scope);
  session.probes.push({
    name: [...(place?.keys ?? []), ...loops.keys, statement.name.text].join('.'),
    ...probeValue(session, tensor),
    variable: [...(place?.shown ?? []), ...loops.shown].find(
      (part) => !place?.keys.includes(part) && !loops.keys.includes(part),
    ),
    ofGradients: session.probing.usesGradient,
    span: statement.span,
  });
}

/** The number of a probe, with paths in it as the session has them. */
export function probeTensor(statement: Probe, scope: Scope): Tensor {
  const { session, place } = scope.frame;
  const { probing } = session;
  probing.active = true;
  probing.usesGradient = false;
  try {
    const value = session.language.evaluate(statement.value, scope);
    if (value.kind === 'poison' || !place) giveUp();
    if (value.kind !== 'tensor' || value.value.type.axes.length > 0) {
      refuse('probe-not-scalar', { name: statement.name.text, axes: probeAxes(value, scope) }, statement.value.span);
    }
    return value;
  } finally {
    probing.active = false;
  }
}

/** In iterations that are elaborated at once a probe has a value for each. */
function probeValue(session: Session, { value }: Tensor): Pick<ProbeValue, 'value' | 'axis'> {
  const { lanes } = session;
  if (!lanes) return { value, axis: undefined };
  const stacked = freshValue(session, floats([lanes.axis]));
  lanes.stacked.push({ value: stacked, from: value.id });
  return { value: stacked, axis: lanes.axis };
}

function probeAxes(value: Value, scope: Scope): string | undefined {
  const tensor: Tensor | undefined = value.kind === 'tensor' ? value : undefined;
  return tensor?.value.type.axes
    .map((axis) => axisText(scope.frame.session, axis, scope.frame.session.axes.spanOf(axis.id)))
    .join(', ');
}
