/** The gradient of a loop: a loop that runs the other way. */
import type { Axis, Block, Op, OpOf, Value, ValueId } from '../ir/graph.ts';
import { operandOf, resultOf } from '../ir/op-parts.ts';
import { withAxes } from '../ir/tensor-type.ts';
import { capturesOf } from '../ir/walk-graph.ts';
import type { Builder, LoopBuilder } from '../ops/builder.ts';
import { cloneOp, type Substitution, substituted, substituteOp } from '../ops/clone.ts';
import { add, conform, scalar } from '../ops/make.ts';
import { type Gradients, makeGradients, reverseOps } from '../ops/reverse.ts';
import { invariant, present } from '../support/invariant.ts';
import { partition } from './partition.ts';

export interface LoopContext {
  readonly b: Builder;
  readonly active: (id: ValueId) => boolean;
  /** The gradients of the block in which the loop stands. */
  readonly gradients: Gradients;
  /** Forward loops with the further stacked results that backward loops need. */
  readonly rewritten: Map<Op, OpOf<'loop'>>;
  readonly names: Map<ValueId, string>;
  /** Heavy ops that may be done again; see `effort.ts`. */
  readonly allowed: ReadonlySet<Op>;
}

/** What of a loop has a gradient. */
interface Wanted {
  /** Places among the carried values. */
  readonly carried: readonly number[];
  /** Places among the operands that are stacked. */
  readonly stacked: readonly number[];
  /** Values from outside that the body mentions. */
  readonly captured: readonly ValueId[];
}

function wantedOf({ attrs, operands }: OpOf<'loop'>, active: LoopContext['active']): Wanted {
  const places = operands.map((_, i) => i).filter((i) => active(present(attrs.body.params[i], 'a parameter').id));
  return {
    carried: places.filter((i) => i < attrs.carried),
    stacked: places.filter((i) => i >= attrs.carried),
    captured: capturesOf(attrs.body).filter(active),
  };
}

function zeros(b: Builder, axes: readonly Axis[]): ValueId {
  return conform(b, scalar(b, 0), axes);
}

/**
 * Builds the backward loop of `op` after everything that is built, and gives the gradients of its operands and captures.
 * It carries the gradients of the carried values, and one accumulator for each captured value, in the order in which the
 * body first mentions them. What it needs of the forward iterations is saved by them or computed again (`partition`).
 */
export function differentiateLoop(context: LoopContext, op: OpOf<'loop'>): void {
  const { b, gradients } = context;
  const { body, axis, reverse } = op.attrs;
  const wanted = wantedOf(op, context.active);
  const axesOf = (id: ValueId): readonly Axis[] => b.typeOf(id).axes;
  const final = wanted.carried.map((i) => {
    const { id, type } = resultOf(op, i);
    return gradients.get(id) ?? zeros(b, type.axes);
  });
  const empty = wanted.captured.map((id) => zeros(b, axesOf(id)));
  const loop = b.loop({ axis, reverse: !reverse, carried: [...final, ...empty].map((initial) => ({ initial })) });
  const backward = b.block([], () => reverseBody(context, op, wanted, loop));
  const [next, stacked] = joinBodies(context, op, backward, loop, wanted);
  const results = loop.end(next, stacked);

  const { carried, captured } = wanted;
  const targets = [
    ...carried.map((i) => operandOf(op, i)),
    ...captured,
    ...wanted.stacked.map((i) => operandOf(op, i)),
  ];
  invariant(targets.length === results.length, 'a backward loop gives a gradient for each target');
  targets.forEach((target, i) => {
    if (context.active(target)) gradients.give(target, present(results[i], 'a gradient'));
  });
  invariant(body.params.length === op.operands.length, 'a loop has a parameter for each operand');
}

/** One iteration backwards; forward values are named as if they were in scope. Gives next carried, then stacked values. */
function reverseBody(context: LoopContext, op: OpOf<'loop'>, wanted: Wanted, loop: LoopBuilder): readonly ValueId[] {
  const { b, gradients: outer, active } = context;
  const { body, carried } = op.attrs;
  const gradients = makeGradients(b, context.names);
  wanted.carried.forEach((place, i) => {
    gradients.give(present(body.results[place], 'a result'), present(loop.carried[i], 'a carried gradient'));
  });
  body.results.forEach((id, i) => {
    const given = i < carried ? undefined : outer.get(resultOf(op, i).id);
    if (given !== undefined && active(id)) gradients.give(id, loop.slice(given));
  });
  const onLoop = (inner: OpOf<'loop'>): void => differentiateLoop({ ...context, gradients }, inner);
  reverseOps(b, body.ops, gradients, { active, onLoop });

  const ofParam = (place: number): ValueId => {
    const { id, type } = present(body.params[place], 'a parameter');
    return conform(b, gradients.get(id) ?? scalar(b, 0), type.axes);
  };
  const captured = wanted.captured.map((id, i) => {
    const before = present(loop.carried[wanted.carried.length + i], 'an accumulator');
    const part = gradients.get(id);
    return part === undefined ? before : add(b, before, part);
  });
  return [...wanted.carried.map(ofParam), ...captured, ...wanted.stacked.map(ofParam)];
}

/** Puts what the backward needs of the forward in front of it, and both in the loop. Gives its results. */
function joinBodies(
  { b, rewritten, allowed }: LoopContext,
  op: OpOf<'loop'>,
  backward: Block,
  loop: LoopBuilder,
  wanted: Wanted,
): readonly [readonly ValueId[], readonly ValueId[]] {
  const { body, carried } = op.attrs;
  const forward = { ...body, ops: body.ops.map((inner) => rewritten.get(inner) ?? inner) };
  const slices = body.params.slice(carried);
  const free = new Set(slices.map((param) => param.id));
  const { saved, again } = partition(forward, backward, { free, allowed });
  const map: Substitution = new Map();
  const mentioned = new Set([...capturesOf(backward), ...again.flatMap((o) => o.operands)]);
  slices.forEach((param, i) => {
    if (mentioned.has(param.id)) map.set(param.id, loop.slice(operandOf(op, carried + i), param.name));
  });
  const extended = saveValues(b, op, saved);
  rewritten.set(op, extended.op);
  saved.forEach((id, i) => {
    map.set(id, loop.slice(present(extended.stacked[i], 'a saved value'), b.nameOf(id)));
  });
  for (const forwardOp of again) cloneOp(b, forwardOp, map);
  for (const backwardOp of backward.ops) b.append(substituteOp(backwardOp, map));
  const results = backward.results.map((id) => substituted(map, id));
  const count = wanted.carried.length + wanted.captured.length;
  return [results.slice(0, count), results.slice(count)];
}

/** The loop with `saved` among its stacked results, and the stacked result of each. */
function saveValues(b: Builder, op: OpOf<'loop'>, saved: readonly ValueId[]) {
  const { body, carried, axis } = op.attrs;
  const bodyResults = [...body.results];
  const results: Value[] = [...op.results];
  const stacked = saved.map((id) => {
    const known = bodyResults.indexOf(id, carried);
    if (known >= 0) return present(results[known], 'a result').id;
    const type = b.typeOf(id);
    const result = b.fresh(withAxes(type, [axis, ...type.axes]), b.nameOf(id));
    bodyResults.push(id);
    results.push(result);
    return result.id;
  });
  return { op: { ...op, attrs: { ...op.attrs, body: { ...body, results: bodyResults } }, results }, stacked };
}
