/** What an elaboration gives: the outputs of the graph that is wanted. */
import type { Axis, GraphOutput, ValueId } from '../ir/graph.ts';
import type { Span } from '../support/source.ts';
import { sizedAxesText, valueText } from './describe.ts';
import { constant, emit } from './emit.ts';
import { bindingsSince, type Env, forced } from './env.ts';
import { attempt, giveUp, refuse, type Session } from './session.ts';
import type { Tensor } from './value.ts';

/** What a graph is elaborated for. */
export type Want = 'loss' | 'logits' | 'probes';

interface Body {
  readonly env: Env;
  readonly base: Env;
}

export function makeOutputs(session: Session, want: Want, body: Body, span: Span): readonly GraphOutput[] {
  return attempt<readonly GraphOutput[]>(
    session,
    () => {
      if (want === 'probes') return probeOutputs(session, span);
      const tensor = output(body, want, span);
      if (want === 'logits') return [{ name: 'logits', value: tensor.value.id }];
      return lossOutputs(session, tensor, span);
    },
    () => [],
  );
}

function output(body: Body, name: Want, span: Span): Tensor {
  const binding = bindingsSince(body.env, body.base).find((b) => b.name === name);
  if (!binding) return refuse('output-missing', { name }, span);
  const value = forced(binding.value);
  if (value.kind === 'poison') giveUp();
  if (value.kind !== 'tensor') {
    return refuse('wrong-kind', { text: name, found: valueText(value), wanted: 'a tensor' }, binding.span);
  }
  if (name === 'loss' && (value.value.type.axes.length > 0 || value.value.type.kind !== 'float')) {
    refuse('loss-not-scalar', { axes: sizedAxesText(value.value.type.axes) }, binding.span);
  }
  return value;
}

/**
 * The loss, and with it the sum and the count that it is the mean of, so that batches combine exactly. A loss that is no
 * mean counts as one.
 */
function lossOutputs(session: Session, loss: Tensor, span: Span): readonly GraphOutput[] {
  const sum = loss.mean?.sum ?? loss.value.id;
  const count = loss.mean?.count ?? constant(session, 1, 'float', span).value.id;
  return [
    { name: 'loss', value: loss.value.id },
    { name: 'loss.sum', value: sum },
    { name: 'loss.count', value: count },
  ];
}

/** A probe in a loop gives one value for each iteration, along an axis with the name of the loop's variable. */
function probeOutputs(session: Session, span: Span): readonly GraphOutput[] {
  const byName = new Map<string, { values: ValueId[]; variable: string | undefined; span: Span }>();
  for (const probe of session.probes) {
    const known = byName.get(probe.name);
    if (!known) byName.set(probe.name, { values: [probe.value], variable: probe.variable, span: probe.span });
    else if (known.span !== probe.span) {
      attempt(
        session,
        () => refuse('declared-twice', { name: probe.name }, probe.span, [{ span: known.span, text: 'declared here' }]),
        () => undefined,
      );
    } else known.values.push(probe.value);
  }
  return [...byName].map(([name, { values, variable }]) => {
    const axis: Axis = session.axes.declare(variable ?? 'probe', values.length, span);
    const stacked = variable === undefined ? values[0] : stackValues(session, values, axis, span);
    return { name: `probe.${name}`, value: stacked ?? giveUp() };
  });
}

function stackValues(session: Session, values: readonly ValueId[], axis: Axis, span: Span): ValueId {
  const type = { kind: 'float', axes: [], storage: 'f32', accumulate: 'f32' } as const;
  const tensors = values.map(
    (id): Tensor => ({
      kind: 'tensor',
      value: { id, type, name: undefined },
      learned: false,
      inner: false,
      mean: undefined,
    }),
  );
  return emit(session, 'stack', { axis }, tensors, span).value.id;
}
