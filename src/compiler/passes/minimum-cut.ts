import type { ValueId } from '../ir/graph.ts';
import { present } from '../support/invariant.ts';

export interface CutProblem {
  /** What may be cut, at its cost. */
  readonly nodes: readonly { readonly id: ValueId; readonly cost: number }[];
  readonly sources: readonly ValueId[];
  readonly sinks: readonly ValueId[];
  /** Edges cannot be cut. Those of ids that are not nodes do not count. */
  readonly edges: readonly { readonly from: ValueId; readonly to: ValueId }[];
}

interface Arc {
  readonly to: number;
  capacity: number;
  readonly back: number;
}

const SOURCE = 0;
const SINK = 1;

/**
 * The nodes of least total cost through which every path from a source to a sink leads (a source or sink may be cut
 * itself); of several, those nearest to the sinks. Maximum flow by shortest augmenting paths (Edmonds and Karp), each
 * node split in two with an arc of its cost.
 */
export function minimumCut({ nodes, sources, sinks, edges }: CutProblem): readonly ValueId[] {
  const arcs: Arc[][] = Array.from({ length: 2 + 2 * nodes.length }, () => []);
  const place = new Map(nodes.map(({ id }, i) => [id, 2 + 2 * i]));
  const arcsOf = (node: number): Arc[] => present(arcs[node], 'a node');
  const connect = (from: number | undefined, to: number | undefined, capacity: number): void => {
    if (from === undefined || to === undefined) return;
    const [forth, back] = [arcsOf(from), arcsOf(to)];
    forth.push({ to, capacity, back: back.length });
    back.push({ to: from, capacity: 0, back: forth.length - 1 });
  };
  const into = (id: ValueId): number | undefined => place.get(id);
  const outOf = (id: ValueId): number | undefined => {
    const node = place.get(id);
    return node === undefined ? undefined : node + 1;
  };
  for (const { id, cost } of nodes) connect(into(id), outOf(id), cost);
  for (const id of new Set(sources)) connect(SOURCE, into(id), Number.POSITIVE_INFINITY);
  for (const id of new Set(sinks)) connect(outOf(id), SINK, Number.POSITIVE_INFINITY);
  for (const { from, to } of edges) connect(outOf(from), into(to), Number.POSITIVE_INFINITY);

  while (augment(arcs)) {}
  const reaching = reachingSink(arcs);
  return nodes
    .filter(({ id }) => !reaching.has(into(id) ?? SINK) && reaching.has(outOf(id) ?? SOURCE))
    .map(({ id }) => id);
}

/** Sends flow along a shortest path that has room; false when there is none. */
function augment(arcs: readonly Arc[][]): boolean {
  const cameBy = new Map<number, { readonly from: number; readonly arc: Arc }>();
  const queue = [SOURCE];
  for (let head = 0; head < queue.length && !cameBy.has(SINK); head += 1) {
    const from = queue[head] ?? SOURCE;
    for (const arc of arcs[from] ?? []) {
      if (arc.capacity <= 0 || arc.to === SOURCE || cameBy.has(arc.to)) continue;
      cameBy.set(arc.to, { from, arc });
      queue.push(arc.to);
    }
  }
  if (!cameBy.has(SINK)) return false;
  const path: Arc[] = [];
  for (let step = cameBy.get(SINK); step; step = cameBy.get(step.from)) path.push(step.arc);
  const room = Math.min(...path.map((arc) => arc.capacity));
  for (const arc of path) {
    arc.capacity -= room;
    const back = present(arcs[arc.to]?.[arc.back], 'the arc back');
    back.capacity += room;
  }
  return true;
}

/** The nodes from which the sink can be reached where there is room. */
function reachingSink(arcs: readonly Arc[][]): ReadonlySet<number> {
  const reaching = new Set([SINK]);
  for (const node of reaching) {
    for (const arc of arcs[node] ?? []) {
      const toNode = present(arcs[arc.to]?.[arc.back], 'the arc back');
      if (toNode.capacity > 0) reaching.add(arc.to);
    }
  }
  return reaching;
}
