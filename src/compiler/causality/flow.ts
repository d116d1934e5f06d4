import type { ValueId } from '../ir/graph.ts';
import { type Bounds, either, type Line } from './bounds.ts';
import { type Dependence, joined, NOTHING } from './dependence.ts';

/** What is known of a value along time. */
export interface Flow {
  /** What it needs of each input, by the input's name. */
  readonly needs: ReadonlyMap<string, Dependence>;
  readonly line: Line | undefined;
  /** Made of positions and of no input, by whatever functions. */
  readonly positional: boolean;
  /** What holds of the positions of an element that is true, and of one that is not. */
  readonly whenTrue: Bounds;
  readonly whenFalse: Bounds;
  /** What holds of those that are not 0. */
  readonly nonzero: Bounds;
  /** What holds of those that are not so low that their exponential is 0. */
  readonly notLow: Bounds;
}

export const UNKNOWN: Flow = {
  needs: new Map(),
  line: undefined,
  positional: false,
  whenTrue: [],
  whenFalse: [],
  nonzero: [],
  notLow: [],
};

/**
 * Numbers at or below this count as minus infinity: masks are written so. Scores would have to be thousands to matter. A row
 * of scores that are all so low is not looked for.
 */
const LOW = -1e4;

/** A number that is the same everywhere. */
export function constantFlow(value: number): Flow {
  const line: Line = { factors: new Map(), constant: value };
  return { ...UNKNOWN, line, nonzero: value === 0 ? 'never' : [], notLow: value <= LOW ? 'never' : [] };
}

export function needOf(flow: Flow, input: string): Dependence {
  return flow.needs.get(input) ?? NOTHING;
}

export function mapNeeds(
  flow: Flow,
  map: (d: Dependence, input: string) => Dependence,
): ReadonlyMap<string, Dependence> {
  return new Map([...flow.needs].map(([input, d]) => [input, map(d, input)]));
}

/** What all of some values need together. */
export function joinedNeeds(flows: readonly Pick<Flow, 'needs'>[]): ReadonlyMap<string, Dependence> {
  const needs = new Map<string, Dependence>();
  for (const flow of flows) {
    for (const [input, d] of flow.needs) needs.set(input, joined(needs.get(input) ?? NOTHING, d));
  }
  return needs;
}

/** What is known of a value that is one or the other. */
export function joinedFlow(a: Flow, b: Flow): Flow {
  return {
    needs: joinedNeeds([a, b]),
    line: undefined,
    positional: a.positional || b.positional,
    whenTrue: either(a.whenTrue, b.whenTrue),
    whenFalse: either(a.whenFalse, b.whenFalse),
    nonzero: either(a.nonzero, b.nonzero),
    notLow: either(a.notLow, b.notLow),
  };
}

export type Flows = ReadonlyMap<ValueId, Flow>;
