/**
 * `after = F`: what is done to weights at the beginning of a training and after each update.
 *
 * It is a graph of its own: its weights are members of the model's, its outputs what they become. Members whose functions
 * are one body are stacked, so that one loop goes over the layers.
 */
import type { Graph, Value as IrValue, Weight } from '../ir/graph.ts';
import type { Hir, HirFor, HirItem, HirIteration, HirWeight } from '../ir/hir.ts';
import { floats } from '../ir/tensor-type.ts';
import { present } from '../support/invariant.ts';
import type { WeightFunction } from './attributes.ts';
import { emit, freshValue, tensorOf } from './emit.ts';
import { NO_LOOPS, placeAt, rootPlace } from './place.ts';
import { roll } from './roll/roll.ts';
import { findRuns } from './roll/runs.ts';
import { inLane, type Member, type Members } from './rules.ts';
import { refuseEmpty } from './selector.ts';
import { refuse, type Session } from './session.ts';
import { applyToWeight, weightValues } from './weight-function.ts';

/** The name of the output that holds what `after` makes of a weight, and of the members that follow it in its stack. */
export function afterOutput(first: string): string {
  return `after.${first}`;
}

/**
 * The graph of all functions of `after`; undefined when there are none. Reports errors to the session.
 *
 * @param weights The model's, as its graph stacks them.
 */
export function afterGraph(session: Session, weights: readonly Weight[], members: Members): Graph | undefined {
  const byName = new Map([...members.values()].flat().map((member) => [member.name, member]));
  const hir: MutableHir = { weights: [], items: [], outputs: [] };
  const around = session.items;
  try {
    for (const weight of weights) {
      const changes = weight.members.map(({ name }) => changeOf(session, weight, present(byName.get(name), name)));
      for (const group of neighbours(changes)) addGroup(session, weight, group, hir);
    }
  } finally {
    session.items = around;
  }
  if (hir.outputs.length === 0) return undefined;
  return roll({ ...hir, inputs: [], names: session.names }, session.nextId).graph;
}

type MutableHir = { -readonly [K in 'weights' | 'items' | 'outputs']: Hir[K][number][] };

/** What becomes of one member. */
interface Change {
  readonly weight: HirWeight;
  readonly iteration: HirIteration;
  readonly value: IrValue;
  readonly freeze: boolean;
}

function changeOf(session: Session, weight: Weight, member: Member): Change | undefined {
  const after = member.attributes?.after;
  if (!after) return undefined;
  const before = freshValue(session, floats(weight.axes));
  const shown = session.names.get(member.weight.value.id) ?? member.name;
  session.names.set(before.id, shown);
  const applied = inLane(session, after.lane ?? member.lane, () => applyAfter(session, after, member, before, shown));
  const own = weight.members.filter(({ name }) => name === member.name);
  if (!applied || applied.value.id === before.id) return undefined;
  session.names.set(applied.value.id, `${shown}.after`);
  return {
    weight: { value: before, axes: weight.axes, members: own, stacked: undefined, span: weight.span },
    iteration: { kind: 'iteration', label: member.name, items: applied.items },
    value: applied.value,
    freeze: own.every((m) => m.freeze),
  };
}

function applyAfter(session: Session, after: WeightFunction, member: Member, before: IrValue, shown: string) {
  const { span } = after.attribute.value;
  // Its label keeps random numbers of different weights apart.
  const place = placeAt(rootPlace(span), after.attribute, NO_LOOPS, `${shown}.after`, span);
  const [weights, rules] = [session.weights.size, session.rules.length];
  const subject = { declared: member.weight, name: member.name, weight: before, place, others: weightValues(session) };
  const applied = applyToWeight(session, after, subject);
  if (session.weights.size !== weights) refuse('after-has-weights', {}, span);
  const rule = session.rules[rules]?.rule;
  if (rule) refuseEmpty(rule, { segments: rule.selector, paths: [], example: undefined });
  return applied;
}

/** Members next to each other that train, or that do not: those lie at one distance in memory. */
function neighbours(changes: readonly (Change | undefined)[]): readonly (readonly Change[])[] {
  const groups: Change[][] = [];
  let open: Change[] | undefined;
  for (const change of changes) {
    if (!change) open = undefined;
    else if (open && open[0]?.freeze === change.freeze) open.push(change);
    else {
      open = [change];
      groups.push(open);
    }
  }
  return groups;
}

function addGroup(session: Session, weight: Weight, group: readonly Change[], hir: MutableHir): void {
  const variable = weight.stacked?.name ?? '';
  const iterations = group.map((change) => change.iteration);
  const loop: HirFor = { kind: 'for', variable, parts: iterations, breaks: [], span: weight.span };
  const values = new Map(group.map((change) => [change.weight.value.id, change.weight.value]));
  const { runs } = findRuns(loop, iterations, {
    isWeight: (id) => values.has(id),
    valueOf: (id) => present(values.get(id), 'the weight that an iteration uses'),
  });
  for (const run of runs) {
    const own = group.filter((change) => run.iterations.includes(change.iteration));
    // What does not look at its weight is no loop over weights.
    const isLoop = own.length > 1 && run.slots.some((slot) => slot.kind === 'weights');
    for (const part of isLoop ? [own] : own.map((change) => [change])) addRun(session, loop, part, hir);
  }
}

function addRun(session: Session, loop: HirFor, own: readonly Change[], hir: MutableHir): void {
  const [first] = own;
  if (!first) return;
  const parts = own.map((change) => change.iteration);
  hir.weights.push(...own.map((change) => change.weight));
  const name = afterOutput(present(first.weight.members[0], 'a member').name);
  if (own.length === 1) {
    hir.items.push(...first.iteration.items);
    hir.outputs.push({ name, value: first.value.id });
    return;
  }
  session.items = [];
  const axis = session.axes.declare(loop.variable, own.length, loop.span);
  const results = own.map((change) => tensorOf(change.value, false));
  const stacked = emit(session, 'stack', { axis }, results, loop.span);
  hir.items.push({ ...loop, parts }, ...(session.items satisfies readonly HirItem[]));
  hir.outputs.push({ name, value: stacked.value.id });
}
