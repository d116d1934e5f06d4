/**
 * Sums that a loop carries and that each iteration adds to, such as the gradient of a weight that all iterations share: the
 * kernel that adds to one reads and writes it element by element, so the sum stays where it is.
 */
import type { Op, OpOf, ValueId } from '../../ir/graph.ts';
import type { Region, RegionStep } from '../../ir/region.ts';
import { present } from '../../support/invariant.ts';
import type { OpClass } from './op-class.ts';
import type { Scope } from './scope.ts';
import { isAlike } from './views.ts';

/** By the sum after an iteration, the one before it, in whose memory it lies. */
export function findInPlace(scope: Scope, steps: readonly RegionStep[]): ReadonlyMap<ValueId, ValueId> {
  return new Map(
    steps.flatMap((step) =>
      step.kind === 'loop' ? [...inLoop(scope, step.op, step.body), ...findInPlace(scope, step.body)] : [],
    ),
  );
}

function inLoop(
  scope: Scope,
  loop: OpOf<'loop'>,
  body: readonly RegionStep[],
): readonly (readonly [ValueId, ValueId])[] {
  const { params, results } = loop.attrs.body;
  return results.slice(0, loop.attrs.carried).flatMap((sum, i) => {
    const before = present(params[i], 'a parameter').id;
    const isAdded = addsTo(scope, scope.op(sum), before) && isAlone(scope, sum, results) && isLent(scope, loop, i);
    return isAdded && body.some((step) => step.kind === 'region' && addsInPlace(step.region, sum))
      ? [[sum, before]]
      : [];
  });
}

function addsTo(scope: Scope, op: Op | undefined, before: ValueId): boolean {
  if (op?.kind !== 'binary' || op.attrs.fn !== 'add') return false;
  const isOnlyUse = scope.users(before).length === 1 && !scope.isResult(before);
  return isOnlyUse && op.operands.filter((id) => id === before).length === 1;
}

/** Whether the sum is for the next iteration alone. */
function isAlone(scope: Scope, sum: ValueId, results: readonly ValueId[]): boolean {
  return scope.users(sum).length === 0 && results.filter((id) => id === sum).length === 1;
}

/** Whether a kernel makes the initial value for the loop alone, which may then overwrite it. */
function isLent(scope: Scope, loop: OpOf<'loop'>, i: number): boolean {
  const initial = present(loop.operands[i], 'an operand');
  const isOnlyUse = scope.users(initial).length === 1 && !scope.isResult(initial);
  const isOnce = loop.operands.filter((id) => id === initial).length === 1 && !scope.captures(loop).includes(initial);
  const op = scope.op(initial);
  const isMade = op !== undefined && !GIVEN.has(scope.classOf(op)) && !isAlike(scope, op);
  return isOnlyUse && isOnce && isMade;
}

/** What lies where the world outside, another loop or a state has it. */
const GIVEN: ReadonlySet<OpClass> = new Set<OpClass>(['memory', 'loop', 'put']);

/** Whether each element is stored by who has read it: a row, or a tile with what follows a product. */
function addsInPlace(region: Region, sum: ValueId): boolean {
  return region.roots.includes(sum) && (region.kind === 'rows' || region.kind === 'product');
}
