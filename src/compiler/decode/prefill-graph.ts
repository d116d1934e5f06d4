/** The graph that begins a text: the forward graph over all its tokens, with what the steps after it keep. */
import type { Axis, AxisId, Block, Graph, Op, OpOf, TensorType, Value, ValueId } from '../ir/graph.ts';
import { tensor, withAxes, withoutIds } from '../ir/tensor-type.ts';
import { nextValueId } from '../ir/walk-graph.ts';
import { present } from '../support/invariant.ts';
import { GENERATED } from '../support/source.ts';
import type { Recipes } from './recipes.ts';
import { POSITION, type State } from './step-graph.ts';

/** @param outputs What is wanted at the last token, by name; each has the axis `time`. */
export function buildPrefill(
  forward: Graph,
  recipes: Recipes,
  time: Axis,
  outputs: Graph['outputs'],
  states: readonly State[],
): Graph {
  let nextId = nextValueId(forward);
  const fresh = (type: TensorType, name: string | undefined): Value => {
    const value = { id: nextId as ValueId, type, name };
    nextId += 1;
    return value;
  };
  const position = fresh(tensor('int', []), POSITION);
  const begin: Op = { kind: 'input', attrs: { name: POSITION }, operands: [], results: [position], span: GENERATED };

  const lastOf = (id: ValueId, axis: AxisId): OpOf<'gather'> => {
    const { type, name } = recipes.value(id);
    const result = fresh(withAxes(type, withoutIds(type.axes, [axis])), name);
    const span = recipes.maker(id)?.span ?? GENERATED;
    return { kind: 'gather', attrs: { axis }, operands: [id, position.id], results: [result], span };
  };

  /** The block with what makes the states that stand in it, which are among its values or given by its loops. */
  const extend = ({ ops }: Block, kept: readonly State[], depth: number) => {
    const values = new Map<State, ValueId>();
    const inner = ops.map((op): Op => {
      const own = kept.filter((state) => state.loops[depth] === op);
      if (op.kind !== 'loop' || own.length === 0) return op;
      const { axis, body } = op.attrs;
      const given = extend(body, own, depth + 1);
      const results = own.map((state) => {
        const { type, name } = recipes.value(state.value);
        const axes = state.form === 'whole' ? type.axes : withoutIds(type.axes, [state.form.axis]);
        const stacked = state.loops.slice(depth).map((loop) => loop.attrs.axis);
        const result = fresh(withAxes(type, [...stacked, ...axes]), name);
        values.set(state, result.id);
        return result;
      });
      const more = own.map((state) => present(given.values.get(state), 'a state'));
      const attrs = { ...op.attrs, axis, body: { ...body, ops: given.ops, results: [...body.results, ...more] } };
      return { ...op, attrs, results: [...op.results, ...results] };
    });
    const last = kept.flatMap((state): readonly Op[] => {
      if (state.loops.length > depth) return [];
      if (state.form === 'whole') {
        values.set(state, state.value);
        return [];
      }
      const op = lastOf(state.value, state.form.axis);
      values.set(state, present(op.results[0], 'a result').id);
      return [op];
    });
    return { ops: [...inner, ...last], values };
  };

  const { ops, values } = extend(forward.block, states, 0);
  const wanted = outputs.map(({ name, value }) => ({ name, op: lastOf(value, time.id) }));
  const all = [
    ...wanted.map(({ name, op }) => ({ name, value: present(op.results[0], 'a result').id })),
    ...states.map((state) => ({ name: state.name, value: present(values.get(state), 'a state') })),
  ];
  return {
    ...forward,
    inputs: [...forward.inputs, { name: POSITION, type: position.type }],
    outputs: all,
    block: {
      params: [],
      ops: [begin, ...ops, ...wanted.map(({ op }) => op)],
      results: all.map(({ value }) => value),
    },
  };
}
