/** The graph that begins a text: the forward graph over all its tokens, with what the steps after it keep. */
import type { Block, Graph, Op, TensorType, Value, ValueId } from '../ir/graph.ts';
import { tensor, withAxes, withoutIds } from '../ir/tensor-type.ts';
import { capturesOf, nextValueId } from '../ir/walk-graph.ts';
import { type Builder, makeBuilder } from '../ops/builder.ts';
import { binary, intScalar, permute } from '../ops/make.ts';
import { present } from '../support/invariant.ts';
import { GENERATED } from '../support/source.ts';
import { formKey, type Need, type Slice } from './form.ts';
import type { Making } from './recipe.ts';
import type { Recipes } from './recipes.ts';
import { sliceRecipe } from './slice-rules.ts';
import { POSITION, type State } from './step-graph.ts';

/** @param outputs What is wanted at the last token, by name. */
export function buildPrefill(
  forward: Graph,
  recipes: Recipes,
  outputs: readonly (Need & { readonly name: string; readonly form: Slice })[],
  states: readonly State[],
): Graph {
  const firstId = nextValueId(forward);
  const b = makeBuilder({ inputs: forward.inputs, weights: forward.weights, firstId });
  const position = b.input({ name: POSITION, type: tensor('int', []) });
  const fresh = (type: TensorType, name: string | undefined): Value => b.fresh(type, name);

  /** The block with what makes the states that stand in it, which are among its values or given by its loops. */
  const extend = ({ ops }: Block, kept: readonly State[], depth: number) => {
    const values = new Map<State, ValueId>();
    const inner = ops.map((op): Op => {
      const own = kept.filter((state) => state.loops[depth] === op);
      if (op.kind !== 'loop' || own.length === 0) return op;
      const { body } = op.attrs;
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
      const attrs = { ...op.attrs, body: { ...body, ops: given.ops, results: [...body.results, ...more] } };
      return { ...op, attrs, results: [...op.results, ...results] };
    });
    const last = kept.flatMap((state): readonly Op[] => {
      if (state.loops.length > depth) return [];
      values.set(state, state.value);
      if (state.form === 'whole') return [];
      const { axis } = state.form;
      const { type, name } = recipes.value(state.value);
      const result = fresh(withAxes(type, withoutIds(type.axes, [axis])), name);
      values.set(state, result.id);
      const span = recipes.maker(state.value)?.span ?? GENERATED;
      return [{ kind: 'gather', attrs: { axis }, operands: [state.value, position], results: [result], span }];
    });
    return { ops: [...inner, ...last], values };
  };

  const { ops, values } = extend(forward.block, states, 0);
  for (const op of ops) b.append(op);
  const whole = wholeValues(forward, states);
  const wanted = outputs.map(({ name, value, form }) => ({
    name,
    value: atEnd(b, recipes, whole, position, value, form),
  }));
  return b.finish([
    ...wanted,
    ...states.map((state) => ({ name: state.name, value: present(values.get(state), 'a state') })),
  ]);
}

/** The values outside of loops that states and loops are made of, at all positions. */
function wholeValues({ block }: Graph, states: readonly State[]): ReadonlySet<ValueId> {
  const whole = new Set(states.map(({ value }) => value));
  for (const op of block.ops.toReversed()) {
    if (op.kind !== 'loop' && !op.results.some(({ id }) => whole.has(id))) continue;
    for (const id of [...op.operands, ...(op.kind === 'loop' ? capturesOf(op.attrs.body) : [])]) whole.add(id);
  }
  return whole;
}

/** A value at the last token. What is not made at all positions anyway is made there alone. */
function atEnd(
  b: Builder,
  recipes: Recipes,
  whole: ReadonlySet<ValueId>,
  position: ValueId,
  id: ValueId,
  slice: Slice,
): ValueId {
  const made = new Map<string, ValueId>();
  const get = ({ value, form }: Need): ValueId => {
    if (form === 'whole') return value;
    const key = `${value} ${formKey(form)}`;
    const result = made.get(key) ?? make(value, form);
    made.set(key, result);
    return result;
  };
  const placeOf = (back: number): ValueId => (back === 0 ? position : binary(b, 'sub', position, intScalar(b, back)));
  const make = (value: ValueId, form: Slice): ValueId => {
    const { type, name } = recipes.value(value);
    const op = recipes.maker(value);
    const note: Making['note'] = { name, span: op?.span ?? GENERATED };
    const recipe = op && !whole.has(value) ? sliceRecipe(op, form, (other) => recipes.value(other).type) : undefined;
    if (!recipe || recipe.keeps) return b.op('gather', { axis: form.axis }, [value, placeOf(form.back)], note);
    return b.at(note.span ?? GENERATED, () => {
      const result = recipe.make({ b, note, position: placeOf }, recipe.needs.map(get));
      return permute(b, result, withoutIds(type.axes, [form.axis]));
    });
  };
  return get({ value: id, form: slice });
}
