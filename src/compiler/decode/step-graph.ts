/** The graph of one step: the forward graph at one position, with what it keeps from step to step as inputs and outputs. */
import type { Block, Graph, GraphOutput, OpOf, TensorType, ValueId } from '../ir/graph.ts';
import { stateName } from '../ir/state-name.ts';
import { tensor, withAxes, withoutIds } from '../ir/tensor-type.ts';
import { makeBuilder } from '../ops/builder.ts';
import { binary, intScalar, permute } from '../ops/make.ts';
import { invariant, present } from '../support/invariant.ts';
import { GENERATED } from '../support/source.ts';
import type { Demands } from './demands.ts';
import { type Form, formKey, type Need } from './form.ts';
import type { Making, Recipe } from './recipe.ts';
import type { Recipes } from './recipes.ts';

/** What is kept: of a value that is needed whole, its places so far; of a recurrence, its last place. */
export interface State {
  readonly name: string;
  /** The value of the forward graph. */
  readonly value: ValueId;
  /** Of the whole value, or at the last position along an axis. */
  readonly form: Form;
  /** The loops in whose bodies the value stands, the innermost last. */
  readonly loops: readonly OpOf<'loop'>[];
}

export interface StepGraph {
  readonly graph: Graph;
  readonly states: readonly State[];
}

/** Where states of a block come from, and where they go. */
interface Keeper {
  readonly loops: readonly OpOf<'loop'>[];
  /** The state as it was, to which `next` gives what it becomes. */
  readonly take: (
    type: TensorType,
    state: Omit<State, 'name'>,
  ) => { readonly old: ValueId; readonly next: (id: ValueId) => void };
}

/** The name of the input that tells the position of the step, and in `prefill` that of the last token. */
export const POSITION = 'position';

/**
 * @param outputs What is wanted of the forward graph, by name.
 */
export function buildStep(
  forward: Graph,
  recipes: Recipes,
  demands: Demands,
  outputs: readonly (Need & { readonly name: string })[],
): StepGraph {
  const b = makeBuilder({ inputs: [], weights: forward.weights, firstId: 0 });
  const made = new Map<string, ValueId>();
  const states: State[] = [];
  const kept: GraphOutput[] = [];

  const keyOf = ({ value, form }: Need): string => `${value} ${formKey(form)}`;
  const get = (need: Need, keeper: Keeper): ValueId => made.get(keyOf(need)) ?? emit(need, keeper);

  const emit = (need: Need, keeper: Keeper): ValueId => {
    const { value: id, form } = need;
    const found = recipes.of(id, form);
    invariant(found !== 'handed' && !('because' in found), () => `value ${id} has not been handed over`);
    const { name, type } = recipes.value(id);
    const span = recipes.maker(id)?.span ?? GENERATED;
    const result = b.at(span, () => {
      const given = found.needs.map((other) => get(other, keeper));
      const value = make(found, { name, span }, given, { value: id, form }, keeper);
      const axes = form === 'whole' ? type.axes : withoutIds(type.axes, [form.axis]);
      return permute(b, value, axes);
    });
    made.set(keyOf(need), result);
    return result;
  };
  const make = (
    { keeps, make }: Recipe,
    note: Making['note'],
    given: readonly ValueId[],
    { value, form }: Need,
    keeper: Keeper,
  ): ValueId => {
    const making = { b, note, position };
    if (!keeps) return make(making, given);
    const { old, next } = keeper.take(keeps, { value, form, loops: keeper.loops });
    const result = make(making, [...given, old]);
    next(result);
    return result;
  };
  const position = (back: number): ValueId => {
    const at = b.input({ name: POSITION, type: tensor('int', []) });
    return back === 0 ? at : binary(b, 'sub', at, intScalar(b, back));
  };

  const visit = ({ ops }: Block, keeper: Keeper): void => {
    for (const op of ops) {
      if (op.kind === 'loop') visitLoop(op, keeper);
      else for (const { id } of op.results) emitAll(id, keeper);
    }
  };
  /** All forms that are not handed over. */
  const emitAll = (id: ValueId, keeper: Keeper): void => {
    for (const form of demands.of(id)) get({ value: id, form }, keeper);
  };
  const visitLoop = (op: OpOf<'loop'>, outer: Keeper): void => {
    const { axis, reverse, body, carried } = op.attrs;
    const paramOf = (i: number): ValueId => present(body.params[i], 'a parameter').id;
    const channels = op.operands
      .slice(0, carried)
      .flatMap((operand, i) => demands.carried(op, i).map((form) => ({ operand, form, place: i })));
    const loop = b.loop({
      axis,
      reverse,
      carried: channels.map(({ operand, form, place }) => ({
        initial: get({ value: operand, form }, outer),
        name: body.params[place]?.name,
      })),
    });
    channels.forEach(({ form, place }, i) => {
      made.set(keyOf({ value: paramOf(place), form }), present(loop.carried[i], 'a carried value'));
    });
    op.operands.slice(carried).forEach((operand, i) => {
      const param = present(body.params[carried + i], 'a parameter');
      for (const form of demands.of(param.id)) {
        if (recipes.of(param.id, form) !== 'handed') continue;
        made.set(keyOf({ value: param.id, form }), loop.slice(get({ value: operand, form }, outer), param.name));
      }
    });

    const inner: { readonly value: ValueId; readonly next: (id: ValueId) => void }[] = [];
    const keeper: Keeper = {
      loops: [...outer.loops, op],
      take: (type, state) => {
        const { old, next } = loop.outer(() => outer.take(withAxes(type, [axis, ...type.axes]), state));
        return { old: loop.slice(old), next: (value) => inner.push({ value, next }) };
      },
    };
    for (const { id } of body.params) emitAll(id, keeper);
    visit(body, keeper);

    const stacked = op.results.slice(carried).flatMap(({ id, name }, i) =>
      demands
        .of(id)
        .filter((form) => recipes.of(id, form) === 'handed')
        .map((form) => ({
          id,
          form,
          name,
          value: get({ value: present(body.results[carried + i], 'a result'), form }, keeper),
        })),
    );
    const results = loop.end(
      channels.map(({ form, place }) => get({ value: present(body.results[place], 'a result'), form }, keeper)),
      [...stacked.map((s) => s.value), ...inner.map((s) => s.value)],
      {
        span: op.span,
        names: [...channels.map(({ place }) => op.results[place]?.name), ...stacked.map((s) => s.name)],
      },
    );
    channels.forEach(({ form, place }, i) => {
      const { id } = present(op.results[place], 'a result');
      made.set(keyOf({ value: id, form }), present(results[i], 'a carried result'));
    });
    stacked.forEach(({ id, form }, i) => {
      made.set(keyOf({ value: id, form }), present(results[channels.length + i], 'a stacked result'));
    });
    inner.forEach(({ next }, i) => {
      next(present(results[channels.length + stacked.length + i], 'a state'));
    });
    for (const { id } of op.results) emitAll(id, outer);
  };

  const root: Keeper = {
    loops: [],
    take: (type, state) => {
      const name = stateName(states.length, state.loops.length > 0);
      states.push({ ...state, name });
      return { old: b.input({ name, type }), next: (value) => kept.push({ name, value }) };
    },
  };
  visit(forward.block, root);
  const wanted = outputs.map((need) => ({ name: need.name, value: get(need, root) }));
  return { graph: b.finish([...wanted, ...kept]), states };
}
