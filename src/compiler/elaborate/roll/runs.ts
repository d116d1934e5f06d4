/** Which consecutive iterations of a `for` are one body, and what each turn of that body gets from outside. */
import type { Value, ValueId } from '../../ir/graph.ts';
import type { HirBreak, HirFor, HirIteration } from '../../ir/hir.ts';
import { sameType } from '../../ir/tensor-type.ts';
import { present } from '../../support/invariant.ts';
import type { Span } from '../../support/source.ts';
import { type BodyShape, bodyShape } from './body-shape.ts';
import { firstDifference } from './same-op.ts';

/** What a mention of an outer value is, over the iterations of a run. */
export type Slot =
  /** The same value in all iterations. */
  | { readonly kind: 'same'; readonly value: ValueId }
  /** What the iteration before defined at `place`; the first one gets `initial`. */
  | { readonly kind: 'carried'; readonly place: number; readonly initial: ValueId }
  /** A weight of its own for each iteration. */
  | { readonly kind: 'weights'; readonly weights: readonly ValueId[] };

export interface Run {
  readonly variable: string;
  readonly span: Span;
  readonly iterations: readonly HirIteration[];
  readonly shapes: readonly BodyShape[];
  /** One for each mention in `outside` of the shapes. */
  readonly slots: readonly Slot[];
}

export interface Runs {
  readonly runs: readonly Run[];
  readonly breaks: readonly HirBreak[];
}

export interface Values {
  readonly isWeight: (id: ValueId) => boolean;
  readonly valueOf: (id: ValueId) => Value;
}

/** Cuts the iterations of a `for` into the longest runs, from the first iteration on. Linear in the number of ops. */
export function findRuns({ variable, span }: HirFor, iterations: readonly HirIteration[], values: Values): Runs {
  const shapes = iterations.map((iteration) => bodyShape(iteration.items));
  const runs: Run[] = [];
  const breaks: HirBreak[] = [];
  let first = 0;
  while (first < shapes.length) {
    const growing: Growing = { shapes: [present(shapes[first], 'an iteration')], classes: undefined };
    let next = first + 1;
    for (; next < shapes.length; next += 1) {
      const shape = present(shapes[next], 'an iteration');
      const obstacle = extend(growing, shape, span, values);
      if (obstacle) {
        breaks.push({ before: present(iterations[next], 'an iteration').label, ...obstacle });
        break;
      }
    }
    const own = iterations.slice(first, next);
    runs.push({ variable, span, iterations: own, shapes: growing.shapes, slots: slotsOf(growing) });
    first = next;
  }
  return { runs, breaks };
}

type Class = { kind: 'same' } | { kind: 'carried'; place: number } | { kind: 'weights'; seen: Set<ValueId> };

interface Growing {
  readonly shapes: BodyShape[];
  classes: readonly Class[] | undefined;
}

interface Obstacle {
  readonly reason: string;
  readonly span: Span;
}

/** Adds an iteration to a run, or says what stands against it. */
function extend(run: Growing, shape: BodyShape, loop: Span, values: Values): Obstacle | undefined {
  const first = present(run.shapes[0], 'an iteration');
  const different = firstDifference(first, shape);
  if (different) return { reason: 'it computes something else', span: different.span };
  const before = present(run.shapes.at(-1), 'an iteration');
  const classes: Class[] = [];
  for (const [i, id] of shape.outside.entries()) {
    const initial = present(first.outside[i], 'a mention');
    const known = run.classes?.[i];
    const found = known ?? classify(id, initial, before, values);
    if (!found || (known && !fits(known, id, initial, before))) return { reason: mention(id, values), span: loop };
    classes.push(found);
  }
  for (const [i, found] of classes.entries()) {
    if (found.kind === 'weights') found.seen.add(present(shape.outside[i], 'a mention'));
  }
  run.classes = classes;
  run.shapes.push(shape);
  return undefined;
}

function classify(id: ValueId, initial: ValueId, before: BodyShape, values: Values): Class | undefined {
  if (id === initial) return { kind: 'same' };
  const place = before.local.get(id);
  const sameTypes = sameType(values.valueOf(id).type, values.valueOf(initial).type);
  if (place !== undefined) return sameTypes ? { kind: 'carried', place } : undefined;
  if (values.isWeight(id) && values.isWeight(initial) && sameTypes)
    return { kind: 'weights', seen: new Set([initial]) };
  return undefined;
}

function fits(known: Class, id: ValueId, initial: ValueId, before: BodyShape): boolean {
  if (known.kind === 'same') return id === initial;
  if (known.kind === 'carried') return before.local.get(id) === known.place;
  return !known.seen.has(id) && id !== initial;
}

function mention(id: ValueId, values: Values): string {
  const name = values.valueOf(id).name;
  const what = name === undefined ? 'a value' : `\`${name}\``;
  return `${what} comes from another place than in the iterations before`;
}

function slotsOf({ shapes, classes }: Growing): readonly Slot[] {
  const first = present(shapes[0], 'an iteration');
  return first.outside.map((initial, i): Slot => {
    const found = classes?.[i];
    if (!found || found.kind === 'same') return { kind: 'same', value: initial };
    if (found.kind === 'carried') return { kind: 'carried', place: found.place, initial };
    return { kind: 'weights', weights: shapes.map((shape) => present(shape.outside[i], 'a mention')) };
  });
}
