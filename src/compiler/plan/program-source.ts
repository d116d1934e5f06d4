import type { Kernel } from '../ir/kernel.ts';
import type { FusedGraph, Region } from '../ir/region.ts';

/** One program of a plan, lowered: `micro`, `evaluate`, `logits`, `probes`, `gradient_probes`, `prepare`, `settle`, `after`. */
export interface ProgramSource {
  readonly name: string;
  readonly fused: FusedGraph;
  readonly kernels: ReadonlyMap<Region, Kernel>;
}
