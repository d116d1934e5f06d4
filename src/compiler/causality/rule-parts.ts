/** Parts of rules. */
import type { Axis, AxisId, Op, TensorType } from '../ir/graph.ts';
import { present } from '../support/invariant.ts';
import type { AxisForms } from './axis-forms.ts';
import { type Bounds, both, type Move, movedBounds, movedLine, withoutAxes } from './bounds.ts';
import { everything, joined, moved, NOTHING, reduced, restricted } from './dependence.ts';
import { type Flow, joinedNeeds, mapNeeds, UNKNOWN } from './flow.ts';

/** What to take for what cannot be decided: that everything is needed, or nothing more. */
export type Guess = 'all' | 'none';

export interface RuleContext<O extends Op = Op> {
  readonly op: O;
  /** Of the operands. */
  readonly flows: readonly Flow[];
  readonly types: readonly TensorType[];
  readonly result: TensorType;
  readonly forms: AxisForms;
  readonly guess: Guess;
  /** How many places an input has. */
  readonly sizeOf: (input: string) => number;
}

export function axesOf(c: RuleContext, operand: number): readonly Axis[] {
  return present(c.types[operand], `operand ${operand}`).axes;
}

/** Facts that do not speak of `axes`; the needs stay. */
export function withoutFacts(flow: Flow, axes: readonly AxisId[]): Flow {
  const isFree = flow.line && ![...flow.line.factors.keys()].some((id) => axes.includes(id));
  return {
    needs: flow.needs,
    line: isFree ? flow.line : undefined,
    positional: flow.positional,
    whenTrue: withoutAxes(flow.whenTrue, axes),
    whenFalse: withoutAxes(flow.whenFalse, axes),
    nonzero: withoutAxes(flow.nonzero, axes),
    notLow: withoutAxes(flow.notLow, axes),
  };
}

/** Gives up on what is reached through parts of an axis, which is about to be cut or reduced. */
export function loosened(c: RuleContext, flow: Flow, axis: AxisId): Flow {
  return giveUp(c, flow, (key) => c.forms.isPart(key, axis));
}

/** Takes the guess for what is reached through some axes. */
export function giveUp(c: RuleContext, flow: Flow, isLost: (key: AxisId) => boolean): Flow {
  const needs = mapNeeds(flow, (d, input) => {
    const along = new Map([...d.along].filter(([key]) => !isLost(key)));
    if (along.size === d.along.size) return d;
    return joined({ ...d, along }, c.guess === 'all' ? everything(c.sizeOf(input)) : NOTHING);
  });
  return { ...flow, needs };
}

/** The same elements under another axis. */
export function movedFlow(c: RuleContext, flow: Flow, move: Move): Flow {
  const whole = loosened(c, flow, move.from);
  return {
    needs: mapNeeds(whole, (d) => moved(d, move)),
    line: whole.line && movedLine(whole.line, move),
    positional: whole.positional,
    whenTrue: movedBounds(whole.whenTrue, move),
    whenFalse: movedBounds(whole.whenFalse, move),
    nonzero: movedBounds(whole.nonzero, move),
    notLow: movedBounds(whole.notLow, move),
  };
}

/** Of a product: where one factor is 0, the other is not needed. */
export function productFlow(x: Flow, y: Flow): Flow {
  const needs = joinedNeeds([
    { needs: mapNeeds(x, (d) => restricted(d, y.nonzero)) },
    { needs: mapNeeds(y, (d) => restricted(d, x.nonzero)) },
  ]);
  return { ...UNKNOWN, needs, nonzero: both(x.nonzero, y.nonzero) };
}

/**
 * A reduction over `axes`, to which only elements count whose positions are as `counted` says. An axis that time was merged
 * into takes all of it; of pieces of time nothing is known.
 */
export function reducedFlow(c: RuleContext, flow: Flow, axes: readonly Axis[], counted: Bounds = flow.nonzero): Flow {
  const kept = c.result.axes.map((axis) => axis.id);
  let at: Flow = { ...flow, needs: mapNeeds(flow, (d) => restricted(d, counted)) };
  for (const { id, size } of axes) {
    const merged = c.forms.contentsOf(id)?.map((axis) => axis.id) ?? [];
    at = giveUp({ ...c, guess: 'all' }, at, (key) => merged.includes(key));
    at = loosened(c, at, id);
    at = { ...at, needs: mapNeeds(at, (d, input) => reduced(d, id, size, kept, c.sizeOf(input))) };
  }
  const gone = axes.map((axis) => axis.id);
  return { ...UNKNOWN, needs: at.needs, nonzero: withoutAxes(flow.nonzero, gone) };
}
