/** What is known while a graph is built from HIR. */
import type { Axis, Value, ValueId } from '../../ir/graph.ts';
import type { Hir, HirLanes } from '../../ir/hir.ts';
import { type Builder, makeBuilder } from '../../ops/builder.ts';
import { present } from '../../support/invariant.ts';
import { flatten } from './body-shape.ts';
import { allLanes, type RollPlan } from './plan.ts';
import type { Run } from './runs.ts';
import { loopAxis, type Stacks, stackWeights, type WeightPlace } from './stacks.ts';

/** A value of one iteration of a run. */
export interface Member {
  readonly run: Run;
  readonly turn: number;
  readonly place: number;
}

/** What is known of a run that has been built. */
export interface Built {
  readonly axis: Axis;
  /** Its last values, by the place that they are carried from. */
  readonly final: ReadonlyMap<number, ValueId>;
  readonly stacked: ReadonlyMap<number, ValueId>;
}

export interface State {
  readonly builder: Builder;
  readonly stacks: Stacks;
  readonly axes: ReadonlyMap<Run, Axis>;
  readonly members: ReadonlyMap<ValueId, Member>;
  /** What is needed of each run after it: places, and whether only their last values. */
  readonly needs: ReadonlyMap<Run, ReadonlyMap<number, boolean>>;
  readonly built: Map<Run, Built>;
  /** What stands in the graph for a value of the HIR. */
  readonly picked: Map<ValueId, ValueId>;
  readonly names: ReadonlyMap<ValueId, string>;
  readonly named: (value: Value) => Value;
  /** The value of the graph that stands for one of the HIR, outside of loops. */
  readonly resolve: (id: ValueId) => ValueId;
}

export function makeState(hir: Hir, plan: RollPlan, nextId: number): State {
  const runs = plan.items.flatMap((item) => (item.kind === 'run' ? [item.run] : []));
  const taken = new Set<string>(allLanes(hir.items).map((lanes) => lanes.axis.id));
  const axes = new Map(runs.map((run) => [run, loopAxis(run, taken)]));
  const members = membersOf(runs);
  const state: State = {
    builder: makeBuilder({ inputs: hir.inputs, weights: [], firstId: nextId }),
    stacks: stackWeights(hir.weights, plan.claimed, axisOfStacks(plan, axes), hir.names),
    axes,
    members,
    needs: needsOf(hir, plan, members),
    built: new Map(),
    picked: new Map(),
    names: hir.names,
    named: (value) => ({ ...value, name: hir.names.get(value.id) }),
    resolve: (id) => resolve(id, state),
  };
  return state;
}

function axisOfStacks(plan: RollPlan, axes: ReadonlyMap<Run, Axis>): (stack: readonly ValueId[]) => Axis {
  const found = new Map<readonly ValueId[], Axis>();
  for (const [run, axis] of axes) {
    for (const slot of run.slots) {
      const stack = slot.kind === 'weights' ? plan.claimed.get(present(slot.weights[0], 'a weight')) : undefined;
      if (stack) found.set(stack, axis);
    }
  }
  return (stack) => present(found.get(stack), 'the axis of a stack');
}

function membersOf(runs: readonly Run[]): ReadonlyMap<ValueId, Member> {
  const members = new Map<ValueId, Member>();
  for (const run of runs) {
    for (const [turn, shape] of run.shapes.entries()) {
      for (const [id, place] of shape.local) members.set(id, { run, turn, place });
    }
  }
  return members;
}

/** Which values of runs are used outside of them. */
function needsOf(hir: Hir, plan: RollPlan, members: ReadonlyMap<ValueId, Member>): State['needs'] {
  const needs = new Map<Run, Map<number, boolean>>();
  const need = (id: ValueId, by: Run | undefined): void => {
    const member = members.get(id);
    if (!member || member.run === by) return;
    const places = needs.get(member.run) ?? new Map<number, boolean>();
    needs.set(member.run, places);
    const isLast = member.turn === member.run.shapes.length - 1;
    places.set(member.place, (places.get(member.place) ?? true) && isLast);
  };
  for (const item of plan.items) {
    if (item.kind === 'run') for (const shape of item.run.shapes) for (const id of shape.outside) need(id, item.run);
    else for (const id of item.kind === 'op' ? item.op.operands : mentionsOf(item.lanes)) need(id, undefined);
  }
  for (const output of hir.outputs) need(output.value, undefined);
  return needs;
}

function mentionsOf(lanes: HirLanes): readonly ValueId[] {
  return [...lanes.carried.map((c) => c.initial), ...flatten(lanes.items).flatMap((op) => op.operands)];
}

function resolve(id: ValueId, state: State): ValueId {
  const known = state.picked.get(id);
  if (known !== undefined) return known;
  const weight = state.stacks.places.get(id);
  const member = state.members.get(id);
  if (!weight && !member) return id;
  const value = weight ? pickWeight(weight, state.builder) : pickMember(present(member, 'a value of a loop'), state);
  state.picked.set(id, value);
  return value;
}

function pickWeight({ weight, shown, index }: WeightPlace, builder: Builder): ValueId {
  const whole = builder.weight(weight, { name: shown });
  if (index === undefined || !weight.stacked) return whole;
  return builder.op('pick', { axis: weight.stacked.id, index }, [whole], { name: weight.members[index]?.name });
}

function pickMember({ run, turn, place }: Member, { built, builder }: State): ValueId {
  const { axis, final, stacked } = present(built.get(run), 'a loop that was built');
  const last = turn === run.shapes.length - 1 ? final.get(place) : undefined;
  if (last !== undefined) return last;
  return builder.op('pick', { axis: axis.id, index: turn }, [present(stacked.get(place), 'a stacked result')]);
}
