/** Weights of a graph: single ones, and those that the iterations of a loop have one each of, stacked. */
import type { Axis, AxisId, ValueId, Weight, WeightId } from '../../ir/graph.ts';
import type { HirWeight } from '../../ir/hir.ts';
import { present } from '../../support/invariant.ts';
import type { Run } from './runs.ts';

/** Where a weight of the HIR is found. */
export interface WeightPlace {
  readonly weight: Weight;
  /** What values of it are called: `layer.attn.wq`. */
  readonly shown: string | undefined;
  /** Its slice, when stacked. */
  readonly index: number | undefined;
}

export interface Stacks {
  readonly places: ReadonlyMap<ValueId, WeightPlace>;
  /** In the order of the program. */
  readonly weights: readonly Weight[];
}

/** The axis over the iterations of a run. No axis of the language has a name with a point. */
export function loopAxis(run: Run, taken: Set<string>): Axis {
  const { variable } = run;
  let id = `${variable}.loop`;
  for (let n = 2; taken.has(id); n += 1) id = `${variable}.loop${n}`;
  taken.add(id);
  return { id: id as AxisId, name: variable, size: run.shapes.length };
}

/** A run cannot be a loop when another loop has stacked one of its weights in another order. */
export function claimWeights(run: Run, claimed: Map<ValueId, readonly ValueId[]>): boolean {
  const stacks = new Map<string, readonly ValueId[]>();
  for (const slot of run.slots) if (slot.kind === 'weights') stacks.set(slot.weights.join(' '), slot.weights);
  const mine = new Set<ValueId>();
  for (const stack of stacks.values()) {
    for (const id of stack) {
      if (claimed.has(id) || mine.has(id)) return false;
      mine.add(id);
    }
  }
  for (const stack of stacks.values()) for (const id of stack) claimed.set(id, stack);
  return true;
}

export function stackWeights(
  weights: readonly HirWeight[],
  claimed: ReadonlyMap<ValueId, readonly ValueId[]>,
  axisOf: (stack: readonly ValueId[]) => Axis,
  names: ReadonlyMap<ValueId, string>,
): Stacks {
  const byId = new Map(weights.map((weight) => [weight.value.id, weight]));
  const places = new Map<ValueId, WeightPlace>();
  const made: Weight[] = [];
  for (const { value, axes, members: own, stacked, isGradient = false, span } of weights) {
    if (places.has(value.id)) continue;
    const stack = claimed.get(value.id);
    const members = stack?.flatMap((id) => present(byId.get(id), 'a weight').members) ?? own;
    // No weight has a name with a blank.
    const id = `${isGradient ? 'gradient of ' : ''}${stackedName(members.map((m) => m.name))}` as WeightId;
    const weight: Weight = { id, axes, stacked: stack ? axisOf(stack) : stacked, members, isGradient, span };
    made.push(weight);
    const shown = names.get(value.id);
    if (!stack) places.set(value.id, { weight, shown, index: undefined });
    else for (const [index, other] of stack.entries()) places.set(other, { weight, shown, index });
  }
  return { places, weights: made };
}

/** `layer.1.attn.wq` … `layer.12.attn.wq` -> `layer.1-12.attn.wq`. */
function stackedName(names: readonly string[]): string {
  const [first = '', last = first] = [names[0], names.at(-1)];
  if (names.length === 1) return first;
  const to = last.split('.');
  return first
    .split('.')
    .map((part, i) => (to[i] === part || to[i] === undefined ? part : `${part}-${to[i]}`))
    .join('.');
}
