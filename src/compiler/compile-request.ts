/** What `compile` takes and gives. */
import type { Diagnostic } from './diagnostics/diagnostic.ts';
import type { Graph } from './ir/graph.ts';
import type { Kernel, TargetLimits } from './ir/kernel.ts';
import type { LibraryUse } from './ir/matmul.ts';
import type { EmittedKernel, Plan } from './ir/plan.ts';
import type { FusedGraph } from './ir/region.ts';
import type { TileTable, Tiling } from './ir/tiling.ts';
import type { TrainConfig } from './ir/train.ts';
import type { Source } from './support/source.ts';

/**
 * What is wanted: training takes forward, backward and update; the others are forward passes of their own. Decoding takes
 * `prefill` and `step`, or `logits` where each token needs all of it.
 */
export type Purpose = 'train' | 'evaluate' | 'logits' | 'decode' | 'probes';

export interface CompileRequest {
  readonly source: Source;
  /** Name of a model or of a train block; the only one when missing. */
  readonly entry?: string | undefined;
  /** `NAME=EXPR`: model parameters, then keys of the train block (`train.lr`). */
  readonly set: readonly string[];
  /** Sizes of input axes by name that win over the train block: `batch`, `time`. */
  readonly sizes?: Readonly<Record<string, number>>;
  readonly purposes: readonly Purpose[];
  readonly limits: TargetLimits;
  /** How kernels become text. */
  readonly target: { readonly name: Plan['target']; readonly emit: (kernel: Kernel) => EmittedKernel };
  /** Tiles that were measured to be best on the device; without, all are estimated. */
  readonly tiles?: TileTable;
  /** Off, every op has a kernel of its own. */
  readonly fuse?: boolean;
  /**
   * Which products of matrices go to a library, on a target that has one; none when missing. The rest of the program is fused with
   * that in mind.
   */
  readonly library?: LibraryUse | undefined;
  /** Names of passes whose output is wanted as text. */
  readonly dump?: readonly string[];
}

export interface Compiled {
  readonly plan: Plan;
  /** Kernel texts by the `file` of their plan entry. */
  readonly texts: Readonly<Record<string, string>>;
  /** The train block, with `micro` decided; undefined when the spec has none. */
  readonly train: TrainConfig | undefined;
  /**
   * By program: `micro`, `evaluate`, `logits`, `prefill`, `step`, `probes`, `gradient_probes`, `settle`, `after`. The unfused graph, and
   * the fused one, with `copies` (of weights, for a library) before `micro`. In the plan `after` is a part of `update`, and `copies` of
   * `begin`.
   */
  readonly graphs: Readonly<Record<string, Graph>>;
  readonly fused: Readonly<Record<string, FusedGraph>>;
  /** Of every product, by its key. */
  readonly tilings: ReadonlyMap<string, Tiling>;
  /** Which loops were rolled and why others were not, and what the precision does not do on the target, in sentences. */
  readonly notes: readonly string[];
  readonly warnings: readonly Diagnostic[];
  /** The spec, and the files that it uses. */
  readonly files: readonly Source[];
  /** Milliseconds by pass. */
  readonly times: ReadonlyMap<string, number>;
  /** By `PROGRAM PASS`. */
  readonly dumps: ReadonlyMap<string, string>;
}
