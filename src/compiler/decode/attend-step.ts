/**
 * Attention of one query: the scores of all keys, which are few enough to be kept, a softmax over them, and the sum of the
 * values. The blocks of the op are built once more without the axis of the queries.
 */
import type { AttendAttrs, Block, Op, TensorType, ValueId } from '../ir/graph.ts';
import { operandOf } from '../ir/op-parts.ts';
import { hasAxis, tensor, withoutIds } from '../ir/tensor-type.ts';
import { BEFORE_CAPTURES, scoreAxes } from '../ops/attend-shapes.ts';
import { cloneOp } from '../ops/clone.ts';
import { binary, conform, contract, index, mul, permute, scalar, sum, unary, where } from '../ops/make.ts';
import { present } from '../support/invariant.ts';
import type { Slice } from './form.ts';
import type { Making, Recipe } from './recipe.ts';
import { operandAt, type SliceContext } from './slice-context.ts';

/** Less than any score; kept apart from infinity, which kernels cannot say. */
const LOWEST = -3e38;

type RecipeOf = (op: Op, slice: Slice, typeOf: (id: ValueId) => TensorType) => Recipe | undefined;

/** @param recipeOf How ops in the blocks are made at one position. */
export function sliceAttend(c: SliceContext<'attend'>, recipeOf: RecipeOf): Recipe | undefined {
  const { attrs } = c.op;
  const { over, key, on } = attrs;
  if (c.slice.axis !== over || c.slice.back !== 0) return undefined;
  const [mask, score] = [attrs.mask, attrs.score].map((block) => sliceBlock(block, attrs, recipeOf));
  if (!mask || !score) return undefined;
  const query = c.typeOf(operandOf(c.op, 0));
  const axes = withoutIds(scoreAxes(query, attrs), [over]);
  const captures = c.op.operands.slice(BEFORE_CAPTURES.attend).map((_, i) => operandAt(c, BEFORE_CAPTURES.attend + i));
  const make = (m: Making, [q, k, v, ...captured]: readonly ValueId[]): ValueId => {
    const { b, note } = m;
    const part = (name: string): Making['note'] => ({ ...note, name: note.name && `${note.name}.${name}` });
    const keyed = (x: ValueId | undefined): ValueId => b.op('rename', { from: over, to: key }, [present(x, 'k or v')]);
    const products = contract(b, present(q, 'the query'), keyed(k), [on]);
    const scaled = mul(b, permute(b, products, axes), scalar(b, attrs.scale), part('scores'));
    const places = [conform(b, m.position(0), axes), conform(b, index(b, [key]), axes)];
    const scores = conform(b, score(m, [scaled, ...places, ...captured]), axes);
    const seen = conform(b, mask(m, [...places, ...captured]), axes);
    const largest = b.op('max', { axes: [key.id] }, [where(b, seen, scores, scalar(b, LOWEST))]);
    const weights = where(b, seen, unary(b, 'exp', binary(b, 'sub', scores, largest)), scalar(b, 0), part('weights'));
    const summed = contract(b, weights, keyed(v), [key.id]);
    return binary(b, 'div', summed, sum(b, weights, [key.id]), note);
  };
  return {
    needs: [
      operandAt(c, 0),
      ...[1, 2].map((i) => ({ value: operandOf(c.op, i), form: 'whole' as const })),
      ...captures,
    ],
    make,
  };
}

/** What a block gives at the place of the query, from its parameters there; undefined when it looks at others. */
function sliceBlock(
  block: Block,
  { over }: AttendAttrs,
  recipeOf: RecipeOf,
): ((m: Making, args: readonly ValueId[]) => ValueId) | undefined {
  const types = new Map<ValueId, TensorType>(
    [...block.params, ...block.ops.flatMap((op) => op.results)].map((value) => [value.id, value.type]),
  );
  const typeOf = (id: ValueId): TensorType => types.get(id) ?? tensor('float', []);
  const slice = { axis: over, back: 0 };
  const recipes = block.ops.map((op) => {
    const [result] = op.results;
    return result && hasAxis(result.type.axes, over) ? recipeOf(op, slice, typeOf) : ('as it is' as const);
  });
  const isNear = recipes.every(
    (recipe) =>
      recipe === 'as it is' ||
      (recipe && !recipe.keeps && recipe.needs.every(({ form }) => form === 'whole' || form.back === 0)),
  );
  if (!isNear) return undefined;
  return (m, args) => {
    const made = new Map(block.params.map((param, i) => [param.id, present(args[i], 'an argument')]));
    block.ops.forEach((op, i) => {
      const recipe = recipes[i];
      if (!recipe || recipe === 'as it is') {
        cloneOp(m.b, op, made);
        return;
      }
      const [result] = op.results;
      const value = present(result, 'a result');
      const given = recipe.needs.map((need) => present(made.get(need.value), 'a value of the block'));
      const axes = withoutIds(value.type.axes, [over]);
      made.set(value.id, permute(m.b, recipe.make(m, given), axes));
    });
    return present(made.get(present(block.results[0], 'a result')), 'the result of a block');
  };
}
