import type { ValueId } from '../../ir/graph.ts';
import { present } from '../../support/invariant.ts';

export interface CutProblem {
  readonly values: readonly ValueId[];
  /** Values of the problem that are computed from a value. */
  next(id: ValueId): readonly ValueId[];
  readonly sources: ReadonlySet<ValueId>;
  readonly sinks: ReadonlySet<ValueId>;
}

interface Edge {
  readonly to: number;
  readonly back: Edge | undefined;
  room: number;
}

/**
 * The fewest values that separate sources from sinks (a source or a sink may be among them), the cut next to the sinks
 * when there are several: a maximum flow with room for one through each value (Menger).
 */
export function minimumCut(problem: CutProblem): readonly ValueId[] {
  const { values } = problem;
  const number = new Map(values.map((id, k) => [id, k]));
  const source = 2 * values.length;
  const sink = source + 1;
  const edges: Edge[][] = Array.from({ length: sink + 1 }, () => []);
  const connect = (from: number, to: number, room: number): void => {
    const back: { to: number; back: Edge | undefined; room: number } = { to: from, back: undefined, room: 0 };
    const edge: Edge = { to, back, room };
    back.back = edge;
    edges[from]?.push(edge);
    edges[to]?.push(back);
  };
  values.forEach((id, k) => {
    connect(2 * k, 2 * k + 1, 1);
    if (problem.sources.has(id)) connect(source, 2 * k, Number.POSITIVE_INFINITY);
    if (problem.sinks.has(id)) connect(2 * k + 1, sink, Number.POSITIVE_INFINITY);
    for (const next of problem.next(id)) {
      const to = number.get(next);
      if (to !== undefined) connect(2 * k + 1, 2 * to, Number.POSITIVE_INFINITY);
    }
  });
  while (augment(edges, source, sink));
  const open = reaching(edges, sink);
  return values.filter((_, k) => !open.has(2 * k) && open.has(2 * k + 1));
}

/** Sends one unit along a shortest path with room; false when there is none. */
function augment(edges: readonly (readonly Edge[])[], source: number, sink: number): boolean {
  const via = new Map<number, Edge | undefined>([[source, undefined]]);
  const queue = [source];
  for (let at = queue.shift(); at !== undefined && !via.has(sink); at = queue.shift()) {
    for (const edge of edges[at] ?? []) {
      if (edge.room === 0 || via.has(edge.to)) continue;
      via.set(edge.to, edge);
      queue.push(edge.to);
    }
  }
  if (!via.has(sink)) return false;
  for (let edge = via.get(sink); edge; ) {
    const back: Edge = present(edge.back, 'the way back');
    edge.room -= 1;
    back.room += 1;
    edge = via.get(back.to);
  }
  return true;
}

/** Places from which the sink can still be reached. */
function reaching(edges: readonly (readonly Edge[])[], sink: number): ReadonlySet<number> {
  const open = new Set([sink]);
  const queue = [sink];
  for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
    for (const edge of edges[at] ?? []) {
      if (open.has(edge.to) || (edge.back?.room ?? 0) === 0) continue;
      open.add(edge.to);
      queue.push(edge.to);
    }
  }
  return open;
}
