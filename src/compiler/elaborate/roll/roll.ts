/** From HIR to a graph: iterations with one body become a loop with stacked weights and tables of constants. */
import type { Axis, Graph, Op, ValueId } from '../../ir/graph.ts';
import type { Hir } from '../../ir/hir.ts';
import { present } from '../../support/invariant.ts';
import { buildLanes } from './build-lanes.ts';
import { buildRun } from './build-run.ts';
import { planLoops, type RollReport } from './plan.ts';
import { makeState, type State } from './state.ts';

/** Rolls loops. `nextId` is larger than all ids of the HIR. */
export function roll(hir: Hir, nextId: number): { readonly graph: Graph; readonly report: readonly RollReport[] } {
  const plan = planLoops(hir);
  const state = makeState(hir, plan, nextId);
  for (const item of plan.items) {
    if (item.kind === 'run') buildRun(item.run, state);
    else if (item.kind === 'lanes') buildLanes(item.lanes, item.span, state);
    else buildOp(item.op, state);
  }
  const outputs = hir.outputs.map(({ name, value }) => ({ name, value: state.resolve(value) }));
  const graph = state.builder.finish(outputs);
  return { graph: { ...graph, weights: state.stacks.weights }, report: plan.report };
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
  builder.append({ ...op, operands: op.operands.map(state.resolve), results: op.results.map(named) });
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
  const value = stacked.get(first.place);
  return value === undefined ? undefined : { axis, value };
}
