import type { Graph } from '../../ir/graph.ts';
import type { Precision, TargetLimits } from '../../ir/kernel.ts';
import type { FusedGraph } from '../../ir/region.ts';
import type { Pass } from '../../pass.ts';
import { bindingsWithin } from './bindings.ts';
import { buildRegions } from './build-regions.ts';
import { layOut } from './lay-out.ts';
import { type LibraryMode, withLibrary } from './library.ts';
import { findNeeds } from './needs.ts';
import { toNormalForm } from './normal-form.ts';
import { printFused } from './print.ts';
import { makeScope } from './scope.ts';
import { verifyFused } from './verify.ts';

export interface FuseOptions {
  /** Off, every op that computes has its own kernel; for differential tests. */
  readonly fuse: boolean;
  readonly limits: Pick<TargetLimits, 'storageBindings' | 'bindingBytes' | 'offsetAlignment'> &
    Partial<Pick<TargetLimits, 'deviceClass' | 'matrixUnits'>>;
  /** In which type products will multiply; f32 unless given. */
  readonly precision?: Precision;
  /** Which products go to a library; none without. */
  readonly library?: LibraryMode | undefined;
}

/** Groups the ops of a graph into regions, one for each kernel; see `ir/region.ts`. */
export function fusePass({ fuse, limits, precision = 'f32', library }: FuseOptions): Pass<Graph, FusedGraph> {
  const bindings = bindingsWithin(limits);
  const { matrixUnits: multiprocessors = 0 } = limits;
  const splitting = fuse && multiprocessors > 0 ? { multiprocessors, precision, library } : undefined;
  return {
    name: 'fuse',
    summary: 'group ops into regions, one for each kernel',
    run: (graph) => {
      const scope = makeScope(toNormalForm(graph, bindings, splitting));
      const found = findNeeds(scope, fuse);
      const needs = library ? withLibrary(scope, found, library) : found;
      const fused = buildRegions({ scope, needs, bindings, merges: fuse, strict: false, library });
      return fuse && limits.deviceClass === 'cpu' ? layOut(scope, fused) : fused;
    },
    verify: verifyFused,
    print: printFused,
  };
}
