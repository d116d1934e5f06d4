/** What an elaboration gives: the outputs of the graph that is wanted. */
import type { GraphOutput, ValueId } from '../ir/graph.ts';
import type { Span } from '../support/source.ts';
import { sizedAxesText, valueText } from './describe.ts';
import { constant, emit, tensorOf } from './emit.ts';
import { bindingsSince, type Env, forced } from './env.ts';
import { attempt, giveUp, type ProbeValue, refuse, type Session } from './session.ts';
import type { Tensor } from './value.ts';

/** What a graph is elaborated for. */
export type Want = 'loss' | 'logits' | 'probes' | 'gradient-probes';

interface Body {
  readonly env: Env;
  readonly base: Env;
}

export function makeOutputs(session: Session, want: Want, body: Body, span: Span): readonly GraphOutput[] {
  return attempt<readonly GraphOutput[]>(
    session,
    () => {
      if (want === 'probes' || want === 'gradient-probes') {
        const ofGradients = want === 'gradient-probes';
        return probeOutputs(
          session,
          session.probes.filter((probe) => probe.ofGradients === ofGradients),
          span,
        );
      }
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
function probeOutputs(session: Session, all: readonly ProbeValue[], span: Span): readonly GraphOutput[] {
  const byName = new Map<string, ProbeValue[]>();
  for (const probe of all) {
    const known = byName.get(probe.name) ?? [];
    const [first] = known;
    if (first && first.span !== probe.span) refuseTwice(session, first, probe);
    else byName.set(probe.name, [...known, probe]);
  }
  return [...byName].map(([name, probes]) => ({ name: `probe.${name}`, value: probeOutput(session, probes, span) }));
}

function refuseTwice(session: Session, first: ProbeValue, { name, span }: ProbeValue): void {
  attempt(
    session,
    () => refuse('declared-twice', { name }, span, [{ span: first.span, text: 'declared here' }]),
    () => undefined,
  );
}

function probeOutput(session: Session, probes: readonly ProbeValue[], span: Span): ValueId {
  const [first] = probes;
  if (!first) return giveUp();
  if (first.variable === undefined) return first.value.id;
  const count = probes.reduce((n, { axis }) => n + (axis?.size ?? 1), 0);
  const axis = session.axes.declare(first.variable, count, span);
  if (first.axis && probes.length === 1) {
    const value = tensorOf(first.value, false);
    return emit(session, 'rename', { from: first.axis.id, to: axis }, [value], span).value.id;
  }
  const values = together(probes).flatMap((group) => turnsOf(session, group));
  return emit(session, 'stack', { axis }, values, span).value.id;
}

/** Probes of one stack next to each other: an iteration may meet a probe several times. */
function together(probes: readonly ProbeValue[]): readonly (readonly ProbeValue[])[] {
  const groups: ProbeValue[][] = [];
  for (const probe of probes) {
    const last = groups.at(-1);
    if (probe.axis && last?.[0]?.axis === probe.axis) last.push(probe);
    else groups.push([probe]);
  }
  return groups;
}

/** The values of probes in the order of the iterations. */
function turnsOf(session: Session, probes: readonly ProbeValue[]): readonly Tensor[] {
  const axis = probes[0]?.axis;
  if (!axis) return probes.map((probe) => tensorOf(probe.value, false));
  return Array.from({ length: axis.size }, (_, index) =>
    probes.map(({ value, span }) => emit(session, 'pick', { axis: axis.id, index }, [tensorOf(value, false)], span)),
  ).flat();
}
