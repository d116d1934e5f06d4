/**
 * How each value of a forward graph is made in the graph of one step, in the form that is wanted.
 *
 * A value that is wanted whole, although it depends on the tokens, is kept: the step puts the place of its position into a
 * state. It has to be final there, so it may need no later place. What depends on positions and weights alone is computed
 * anew, at the one place that is wanted where that can be done.
 */

import { analyse } from '../causality/analyse.ts';
import { type Dependence, isNothing } from '../causality/dependence.ts';
import { aheadOf } from '../causality/find-leak.ts';
import type { Axis, Graph, Op, OpName, OpOf, TensorType, Value, ValueId } from '../ir/graph.ts';
import { withAxes, withoutIds } from '../ir/tensor-type.ts';
import { cloneOp } from '../ops/clone.ts';
import { present } from '../support/invariant.ts';
import type { Form, Slice } from './form.ts';
import type { Recipe } from './recipe.ts';
import { sliceRecipe } from './slice-rules.ts';

/** Where a value comes from: an op, a parameter of a loop's body, or a loop, which hands it over in the form that is wanted. */
export type Origin = Exclude<Op, OpOf<'loop'>> | 'handed';

/** Why a value cannot be had in a form. */
export interface Obstacle {
  readonly value: Value;
  readonly op: Op | undefined;
  /** What follows `x`, in a message. */
  readonly because: string;
}

export type Found = Recipe | 'handed' | Obstacle;

export interface Recipes {
  readonly of: (id: ValueId, form: Form) => Found;
  readonly value: (id: ValueId) => Value;
  /** The axis along which a state of a value grows. */
  readonly growsAlong: (id: ValueId) => Axis;
  /** The op that makes it, a loop too. */
  readonly maker: (id: ValueId) => Op | undefined;
}

/** Ops whose result shows places of the operand, in their order. */
const MOVES: ReadonlySet<OpName> = new Set<OpName>([
  'expand',
  'rename',
  'split',
  'merge',
  'permute',
  'slice',
  'pad',
  'pick',
  'stack',
  'stop_gradient',
]);

/** Ops that are as well applied to a state, so that what they show is kept once. */
const VIEWS: ReadonlySet<OpName> = new Set<OpName>(['expand', 'rename', 'permute', 'stop_gradient']);

/** @param time The axis of the positions. */
export function makeRecipes(graph: Graph, time: Axis): Recipes {
  const flows = analyse(graph, 'all');
  const values = new Map<ValueId, Value>();
  const makers = new Map<ValueId, Op>();
  const visit = (ops: readonly Op[]): void => {
    for (const op of ops) {
      for (const result of op.results) {
        values.set(result.id, result);
        makers.set(result.id, op);
      }
      if (op.kind !== 'loop') continue;
      for (const param of op.attrs.body.params) values.set(param.id, param);
      visit(op.attrs.body.ops);
    }
  };
  visit(graph.block.ops);
  const value = (id: ValueId): Value => present(values.get(id), `value ${id}`);
  const typeOf = (id: ValueId): TensorType => value(id).type;
  const needsOf = (id: ValueId): readonly Dependence[] =>
    [...(flows.get(id)?.needs.values() ?? [])].filter((need) => !isNothing(need));

  /** The axis along which a value becomes known with the tokens, place by place. */
  const growsAlong = (id: ValueId): Axis | undefined => {
    const needs = needsOf(id);
    const [along, ...others] = new Set(needs.flatMap((need) => [...need.along.keys()]));
    const axis = typeOf(id).axes.find((a) => a.id === along);
    const isKnown = axis?.size === time.size && others.length === 0 && needs.every((need) => aheadOf(need) <= 0);
    return isKnown ? axis : undefined;
  };
  const isFixed = (id: ValueId): boolean => needsOf(id).every((need) => need.along.size === 0);
  const originOf = (id: ValueId): Origin => {
    const op = makers.get(id);
    return !op || op.kind === 'loop' ? 'handed' : op;
  };
  const obstacle = (id: ValueId, because: string): Obstacle => ({ value: value(id), op: makers.get(id), because });

  const whole = (id: ValueId): Found => {
    const origin = originOf(id);
    const type = typeOf(id);
    const isFree = needsOf(id).length === 0;
    if (origin === 'handed' ? isFree : isFree || VIEWS.has(origin.kind)) return copied(origin);
    const axis = growsAlong(id);
    if (axis) return kept(id, type, axis);
    if (isFixed(id) || (origin !== 'handed' && MOVES.has(origin.kind))) return copied(origin);
    return obstacle(id, 'is needed at all positions, and is not final at each when its token comes');
  };

  const sliced = (id: ValueId, slice: Slice): Found => {
    const origin = originOf(id);
    const depends = needsOf(id).length > 0;
    const isMoved = origin !== 'handed' && MOVES.has(origin.kind);
    if (depends && !isMoved && slice.back < 0) return obstacle(id, 'is needed at a later position');
    if (depends && !isMoved && slice.back > 0 && growsAlong(id)?.id === slice.axis) return readAt(id, slice);
    if (origin === 'handed') return origin;
    if (origin.kind === 'input' && slice.back === 0) {
      const { name } = origin.attrs;
      const type = without(typeOf(id), slice.axis);
      return { needs: [], make: ({ b, note }) => b.input({ name, type }, note) };
    }
    const recipe = sliceRecipe(origin, slice, typeOf);
    if (recipe) return recipe;
    if (isFixed(id)) return readAt(id, slice);
    return obstacle(id, 'mixes positions in a way that one position cannot be told from');
  };

  return {
    of: (id, form) => {
      const maker = makers.get(id);
      // Only the sums of attention are second results, and nothing in a forward graph looks at them.
      if (maker && maker.kind !== 'loop' && maker.results[0]?.id !== id)
        return obstacle(id, 'is made beside another value');
      return form === 'whole' ? whole(id) : sliced(id, form);
    },
    value,
    growsAlong: (id) => present(growsAlong(id), 'the axis of a state'),
    maker: (id) => makers.get(id),
  };
}

function without(type: TensorType, axis: Axis['id']): TensorType {
  return withAxes(type, withoutIds(type.axes, [axis]));
}

/** The op once more, of whole operands. */
function copied(origin: Origin): Found {
  if (origin === 'handed') return origin;
  return {
    needs: origin.operands.map((operand) => ({ value: operand, form: 'whole' })),
    make: ({ b }, given) => {
      const made = new Map(origin.operands.map((operand, i) => [operand, present(given[i], 'an operand')]));
      return present(cloneOp(b, origin, made)[0], 'a copied result');
    },
  };
}

/** A state that has all places up to the position of the step. */
function kept(id: ValueId, type: TensorType, { id: axis }: Axis): Recipe {
  return {
    needs: [{ value: id, form: { axis, back: 0 } }],
    keeps: type,
    make: ({ b, position, note }, [value, state]) =>
      b.op('put', { axis }, [present(state, 'a state'), present(value, 'a value'), position(0)], note),
  };
}

/** One place of the whole. */
function readAt(id: ValueId, { axis, back }: Slice): Recipe {
  return {
    needs: [{ value: id, form: 'whole' }],
    make: ({ b, position, note }, [x]) => b.op('gather', { axis }, [present(x, 'the whole'), position(back)], note),
  };
}
