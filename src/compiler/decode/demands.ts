/** Which forms of which values a step needs, found from the outputs backwards. */
import type { Block, Graph, OpOf, ValueId } from '../ir/graph.ts';
import { present } from '../support/invariant.ts';
import { type Form, formKey, type Need } from './form.ts';
import type { Obstacle, Recipes } from './recipes.ts';

export interface Demands {
  /** The forms that are wanted of a value, in the order in which they were found. */
  readonly of: (id: ValueId) => readonly Form[];
  /** The forms in which a loop hands over what it carries, by place. */
  readonly carried: (loop: OpOf<'loop'>, place: number) => readonly Form[];
}

type Forms = Map<string, Form>;

export function findDemands(graph: Graph, recipes: Recipes, outputs: readonly Need[]): Demands | Obstacle {
  const wanted = new Map<ValueId, Forms>();
  const carried = new Map<ValueId, Forms>();
  let obstacle: Obstacle | undefined;
  let count = 0;

  const formsOf = (map: Map<ValueId, Forms>, id: ValueId): Forms => {
    const known = map.get(id) ?? new Map<string, Form>();
    map.set(id, known);
    return known;
  };
  const note = (map: Map<ValueId, Forms>, id: ValueId, form: Form): void => {
    const forms = formsOf(map, id);
    if (!forms.has(formKey(form))) count += 1;
    forms.set(formKey(form), form);
  };
  const demand = ({ value, form }: Need): void => note(wanted, value, form);

  /** The forms of a value that others hand over. What its other forms need is demanded, of the value itself too. */
  const settle = (id: ValueId): readonly Form[] => {
    const handed: Form[] = [];
    for (const form of formsOf(wanted, id).values()) {
      const found = recipes.of(id, form);
      if (found === 'handed') handed.push(form);
      else if ('because' in found) obstacle ??= found;
      else found.needs.forEach(demand);
    }
    return handed;
  };
  const visit = ({ ops }: Block): void => {
    for (const op of ops.toReversed()) {
      if (op.kind === 'loop') visitLoop(op);
      else for (const { id } of op.results) settle(id);
    }
  };
  const visitLoop = (op: OpOf<'loop'>): void => {
    const { body, carried: count_ } = op.attrs;
    const paramOf = (i: number): ValueId => present(body.params[i], 'a parameter').id;
    op.results.forEach(({ id }, i) => {
      for (const form of settle(id)) {
        if (i < count_) note(carried, paramOf(i), form);
        else demand({ value: present(body.results[i], 'a result'), form });
      }
    });
    for (let before = -1; before !== count; ) {
      before = count;
      for (let i = 0; i < count_; i += 1)
        for (const form of formsOf(carried, paramOf(i)).values())
          demand({ value: present(body.results[i], 'a result'), form });
      visit(body);
      body.params.forEach(({ id }, i) => {
        for (const form of settle(id)) if (i < count_) note(carried, id, form);
      });
    }
    op.operands.forEach((value, i) => {
      const forms = i < count_ ? [...formsOf(carried, paramOf(i)).values()] : settle(paramOf(i));
      for (const form of forms) demand({ value, form });
    });
  };

  outputs.forEach(demand);
  visit(graph.block);
  return (
    obstacle ?? {
      of: (id) => [...formsOf(wanted, id).values()],
      carried: (loop, i) => [...formsOf(carried, present(loop.attrs.body.params[i], 'a parameter').id).values()],
    }
  );
}
