import type { Graph } from './ir/graph.ts';
import { runPass } from './pass.ts';
import { autodiff } from './passes/autodiff.ts';
import { splitTotals } from './passes/totals.ts';

/** The graph that the reference interprets in the place of `micro`: unfused, of the whole batch at once, with gradients. */
export function referenceGraph(micro: Graph): Graph {
  const { graph } = splitTotals(micro, 1);
  return runPass(autodiff, graph, { times: new Map(), dumps: new Map(), wanted: new Set() });
}
