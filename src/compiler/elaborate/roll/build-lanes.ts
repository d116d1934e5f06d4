/** The loop of iterations that were elaborated at once. */
import type { Op, ValueId } from '../../ir/graph.ts';
import type { HirLanes } from '../../ir/hir.ts';
import { tensor } from '../../ir/tensor-type.ts';
import type { LoopBuilder } from '../../ops/builder.ts';
import { present } from '../../support/invariant.ts';
import type { Span } from '../../support/source.ts';
import { flatten } from './body-shape.ts';
import type { State } from './state.ts';

export function buildLanes(lanes: HirLanes, span: Span, state: State): void {
  if (lanes.items.length === 0) {
    passThrough(lanes, span, state);
    return;
  }
  const { builder, named, names } = state;
  const initial = lanes.carried.map((c) => ({ initial: state.resolve(c.initial), name: names.get(c.param.id) }));
  const loop = builder.loop({ axis: lanes.axis, carried: initial });
  const inside = new Map<ValueId, ValueId>();
  for (const [i, { param }] of lanes.carried.entries()) inside.set(param.id, present(loop.carried[i], 'a parameter'));
  for (const { param, values } of lanes.tables) {
    const type = tensor(param.type.kind, [lanes.axis]);
    inside.set(param.id, loop.slice(loop.outer(() => builder.leaf('constant', { values }, type))));
  }
  const operand = (id: ValueId): ValueId => {
    const known = inside.get(id);
    if (known !== undefined) return known;
    const value = outsideValue(id, lanes, loop, state);
    inside.set(id, value);
    return value;
  };
  for (const op of flatten(lanes.items)) {
    builder.append({ ...op, operands: op.operands.map(operand), results: op.results.map(named) } satisfies Op);
    for (const result of op.results) inside.set(result.id, result.id);
  }
  const results = loop.end(
    lanes.carried.map((c) => operand(c.next)),
    lanes.stacked.map((s) => operand(s.from)),
    { span, names: [...lanes.carried.map((c) => names.get(c.next)), ...lanes.stacked.map((s) => names.get(s.from))] },
  );
  const after = [...lanes.carried.map((c) => c.final.id), ...lanes.stacked.map((s) => s.value.id)];
  for (const [i, id] of after.entries()) state.picked.set(id, present(results[i], 'a result'));
}

/** Iterations that compute nothing only move what they carry, which takes no loop. */
function passThrough({ axis, labels, carried, tables, stacked }: HirLanes, span: Span, state: State): void {
  const { builder, picked, resolve } = state;
  let now = new Map(carried.map((c) => [c.param.id, resolve(c.initial)]));
  const at = (id: ValueId): ValueId => now.get(id) ?? resolve(id);
  const turns = labels.map(() => {
    const values = new Map(stacked.map(({ value, from }) => [value.id, at(from)]));
    now = new Map(carried.map((c) => [c.param.id, at(c.next)]));
    return values;
  });
  for (const { param, final } of carried) picked.set(final.id, present(now.get(param.id), 'a carried value'));
  for (const { value, from } of stacked) {
    const table = tables.find(({ param }) => param.id === from);
    const whole = table
      ? builder.leaf('constant', { values: table.values }, value.type)
      : builder.op(
          'stack',
          { axis },
          turns.map((values) => present(values.get(value.id), 'a value')),
          { span },
        );
    picked.set(value.id, whole);
  }
}

/** A value from around the loop: of a weight that each iteration has one of, its slice. */
function outsideValue(id: ValueId, lanes: HirLanes, loop: LoopBuilder, state: State): ValueId {
  const place = state.stacks.places.get(id);
  if (place && place.index === undefined && place.weight.stacked?.id === lanes.axis.id) {
    return loop.slice(loop.outer(() => state.builder.weight(place.weight, { name: place.shown })));
  }
  return loop.outer(() => state.resolve(id));
}
