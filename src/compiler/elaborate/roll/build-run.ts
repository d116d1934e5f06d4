import type { Value, ValueId } from '../../ir/graph.ts';
import { present } from '../../support/invariant.ts';
import { buildBody } from './body.ts';
import type { Run, Slot } from './runs.ts';
import type { State } from './state.ts';

interface Carried {
  readonly initial: ValueId;
  readonly place: number;
}

/** The loop of iterations that were found to be one body. */
export function buildRun(run: Run, state: State): void {
  const { builder, named } = state;
  const axis = present(state.axes.get(run), 'an axis');
  const first = present(run.shapes[0], 'an iteration');
  const { carried, indexOf } = carriedOf(run);
  const at = (place: number): ValueId => present(first.results[place], 'a value of the body');
  const nameAt = (place: number): string | undefined => valueName(at(place), run, named);
  const initial = carried.map((c) => ({ initial: state.resolve(c.initial), name: nameAt(c.place) }));
  const loop = builder.loop({ axis, carried: initial });
  const slotValue = (slot: Slot): ValueId => {
    if (slot.kind === 'same') return loop.outer(() => state.resolve(slot.value));
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
      span: run.span,
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
