/** From HIR to a graph: equal consecutive iterations become one loop with stacked weights and tables of constants. */
import type { Axis, Graph, Op, Value, ValueId } from '../../ir/graph.ts';
import type { Hir } from '../../ir/hir.ts';
import { type Builder, makeBuilder } from '../../ops/builder.ts';
import { present } from '../../support/invariant.ts';
import { buildBody } from './body.ts';
import { planLoops, type RollPlan, type RollReport } from './plan.ts';
import type { Run, Slot } from './runs.ts';
import { loopAxis, type Stacks, stackWeights, type WeightPlace } from './stacks.ts';

/** A value of one iteration of a loop. */
interface Member {
  readonly run: Run;
  readonly turn: number;
  readonly place: number;
}

/** What is known of a loop that has been built. */
interface Built {
  readonly axis: Axis;
  /** Its last values, by the place that they are carried from. */
  readonly final: ReadonlyMap<number, ValueId>;
  readonly stacked: ReadonlyMap<number, ValueId>;
}

/** Rolls loops. `nextId` is larger than all ids of the HIR. */
export function roll(hir: Hir, nextId: number): { readonly graph: Graph; readonly report: readonly RollReport[] } {
  const plan = planLoops(hir);
  const state = prepare(hir, plan, nextId);
  for (const item of plan.items) {
    if (item.kind === 'loop') buildLoop(item.run, state);
    else buildOp(item.op, state);
  }
  const outputs = hir.outputs.map(({ name, value }) => ({ name, value: resolve(value, state) }));
  const graph = state.builder.finish(outputs);
  return { graph: { ...graph, weights: state.stacks.weights }, report: plan.report };
}

interface State {
  readonly builder: Builder;
  readonly stacks: Stacks;
  readonly axes: ReadonlyMap<Run, Axis>;
  readonly members: ReadonlyMap<ValueId, Member>;
  /** What is needed of each loop after it: places, and whether only their last values. */
  readonly needs: ReadonlyMap<Run, ReadonlyMap<number, boolean>>;
  readonly built: Map<Run, Built>;
  readonly picked: Map<ValueId, ValueId>;
  readonly named: (value: Value) => Value;
}

function prepare(hir: Hir, plan: RollPlan, nextId: number): State {
  const runs = plan.items.flatMap((item) => (item.kind === 'loop' ? [item.run] : []));
  const taken = new Set<string>();
  const axes = new Map(runs.map((run) => [run, loopAxis(run, taken)]));
  const axisOfStack = new Map<readonly ValueId[], Axis>();
  for (const run of runs) {
    for (const slot of run.slots) {
      const stack = slot.kind === 'weights' ? plan.claimed.get(present(slot.weights[0], 'a weight')) : undefined;
      if (stack) axisOfStack.set(stack, present(axes.get(run), 'an axis'));
    }
  }
  const members = membersOf(runs);
  return {
    builder: makeBuilder({ inputs: hir.inputs, weights: [], firstId: nextId }),
    stacks: stackWeights(
      hir.weights,
      plan.claimed,
      (stack) => present(axisOfStack.get(stack), 'the axis of a stack'),
      hir.names,
    ),
    axes,
    members,
    needs: needsOf(hir, plan, members),
    built: new Map(),
    picked: new Map(),
    named: (value) => ({ ...value, name: hir.names.get(value.id) }),
  };
}

function membersOf(runs: readonly Run[]): ReadonlyMap<ValueId, Member> {
  const members = new Map<ValueId, Member>();
  for (const run of runs) {
    run.shapes.forEach((shape, turn) => {
      for (const [id, place] of shape.local) members.set(id, { run, turn, place });
    });
  }
  return members;
}

/** Which values of loops are used outside of them. */
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
    if (item.kind === 'op') for (const id of item.op.operands) need(id, undefined);
    else for (const shape of item.run.shapes) for (const id of shape.outside) need(id, item.run);
  }
  for (const output of hir.outputs) need(output.value, undefined);
  return needs;
}

function buildOp(op: Op, state: State): void {
  const { builder, named } = state;
  const whole = op.kind === 'stack' ? wholeStack(op.operands, state) : undefined;
  if (whole && op.kind === 'stack') {
    const { axis, value } = whole;
    const [result] = op.results;
    const id = builder.op('rename', { from: axis.id, to: op.attrs.axis }, [value], { span: op.span });
    state.picked.set(present(result, 'a result').id, id);
    return;
  }
  builder.append({ ...op, operands: op.operands.map((id) => resolve(id, state)), results: op.results.map(named) });
}

/** The stacked result of a loop that a list of all its slices, in order, stands for. */
function wholeStack(ids: readonly ValueId[], state: State): { axis: Axis; value: ValueId } | undefined {
  const first = state.members.get(present(ids[0], 'an operand'));
  if (!first || first.run.shapes.length !== ids.length) return undefined;
  const inOrder = ids.every((id, turn) => {
    const member = state.members.get(id);
    return member?.run === first.run && member.turn === turn && member.place === first.place;
  });
  if (!inOrder) return undefined;
  const { axis, stacked } = present(state.built.get(first.run), 'a loop that was built');
  return { axis, value: present(stacked.get(first.place), 'a stacked result') };
}

/** The value of the graph that stands for one of the HIR, outside of loops. */
function resolve(id: ValueId, state: State): ValueId {
  const { builder } = state;
  const known = state.picked.get(id);
  if (known !== undefined) return known;
  const weight = state.stacks.places.get(id);
  const member = state.members.get(id);
  if (!weight && !member) return id;
  const value = weight ? pickWeight(weight, builder) : pickMember(present(member, 'a value of a loop'), state);
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

interface Carried {
  readonly initial: ValueId;
  readonly place: number;
}

function buildLoop(run: Run, state: State): void {
  const { builder, named } = state;
  const axis = present(state.axes.get(run), 'an axis');
  const first = present(run.shapes[0], 'an iteration');
  const { carried, indexOf } = carriedOf(run);
  const at = (place: number): ValueId => present(first.results[place], 'a value of the body');
  const nameAt = (place: number): string | undefined => valueName(at(place), run, named);
  const initial = carried.map((c) => ({ initial: resolve(c.initial, state), name: nameAt(c.place) }));
  const loop = builder.loop({ axis, carried: initial });
  const slotValue = (slot: Slot): ValueId => {
    if (slot.kind === 'same') return loop.outer(() => resolve(slot.value, state));
    if (slot.kind === 'carried') return present(loop.carried[indexOf(slot)], 'a carried value');
    const { weight, shown } = present(
      state.stacks.places.get(present(slot.weights[0], 'a weight')),
      'the place of a weight',
    );
    return loop.slice(loop.outer(() => builder.weight(weight, { name: shown })));
  };
  const replaced = buildBody(run, { builder, loop, axis, slotValue, named });
  const inBody = (place: number): ValueId => replaced.get(at(place)) ?? at(place);
  const needs = [...(state.needs.get(run) ?? new Map<number, boolean>())];
  const isCarried = (place: number): boolean => carried.some((c) => c.place === place);
  const outside = needs.filter(([place, onlyLast]) => !(onlyLast && isCarried(place))).map(([place]) => place);
  const results = loop.end(
    carried.map((c) => inBody(c.place)),
    outside.map(inBody),
    {
      span: run.loop.span,
      names: [...carried.map((c) => c.place), ...outside].map(nameAt),
    },
  );
  const final = new Map(carried.map((c, i) => [c.place, present(results[i], 'a result')]));
  const stacked = new Map(outside.map((place, i) => [place, present(results[carried.length + i], 'a result')]));
  state.built.set(run, { axis, final, stacked });
}

function valueName(id: ValueId, run: Run, named: (value: Value) => Value): string | undefined {
  for (const op of present(run.shapes[0], 'an iteration').ops) {
    const result = op.results.find((r) => r.id === id);
    if (result) return named(result).name;
  }
  return undefined;
}

/** What a run carries: each pair of a beginning and a place once. */
function carriedOf(run: Run): { carried: readonly Carried[]; indexOf: (slot: Carried) => number } {
  const key = ({ initial, place }: Carried): string => `${initial} ${place}`;
  const unique = new Map<string, Carried>();
  for (const slot of run.slots) if (slot.kind === 'carried') unique.set(key(slot), slot);
  const keys = [...unique.keys()];
  return { carried: [...unique.values()], indexOf: (slot) => keys.indexOf(key(slot)) };
}
