import type { Kernel } from '../ir/kernel.ts';
import type { Matmul } from '../ir/matmul.ts';
import type { FusedGraph, Region } from '../ir/region.ts';

/** One program of a plan, lowered: `micro`, `evaluate`, `logits`, `probes`, `gradient_probes`, `prepare`, `settle`, `after`, `copies`. */
export interface ProgramSource {
  readonly name: string;
  readonly fused: FusedGraph;
  readonly kernels: ReadonlyMap<Region, Kernel>;
  /** Of the regions that a library computes, which have no kernel. */
  readonly matmuls: ReadonlyMap<Region, readonly Matmul[]>;
}
