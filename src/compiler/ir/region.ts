/**
 * Regions: the fused graph. Each region becomes one kernel; what it stores are its `roots`, and everything else that
 * its members compute stays in registers.
 *
 * A value is *stored* when it is an operand of something that reads memory in another order (a contraction, attention, a
 * scatter), a result of a block, a reduction that other regions need, or too dear to compute again. Every other value is
 * computed inside the regions that need it, by pulling: a kernel asks for the root's element at an index, and movement
 * ops only rewrite that index. Pulling stops at the region's `reads` and nowhere else: a root of the region that another
 * root needs is pulled, not loaded, although it is stored. So `members` holds whatever lies between the reads and the
 * roots: pointwise ops, movement, reductions, contractions, and leaves such as constants, indices and draws. They may
 * be defined outside the loop in whose body the region stands.
 *
 * Inputs, weights, parameters and results of loops are stored. A parameter through which a loop slices a `constant` is
 * not: it is a leaf, the table's number of this iteration.
 *
 * The result of a `put` is a root that lies where its state does, and of which the kernel stores one position: it works over the
 * other axes (`writtenAxes`).
 *
 * The kinds differ in how the work is spread, never in which model asked for it:
 * - `rows`: independent rows over `shared` axes. Within a row, any number of reductions and stores over further axes.
 *   Pointwise chains, norms with residual and scale, softmax, cross-entropy, gathers, and column sums are all rows.
 *   Every reduction of the region has just the shared axes (so it is one number for a row), and where one root or
 *   reduction needs another, it needs it at the same row.
 * - `product`: contractions with pointwise epilogues. Parts share a launch because they share an operand; tiles pick
 *   their part. The accumulators of a part share its tile, so that an epilogue can combine them. An operand of a
 *   contraction is a read, or a view (rename, split, merge) of one. Some may go to a library, where that was asked for.
 * - `scan`: recurrences along one axis with pointwise values of the same axes around them: an invocation goes along the axis
 *   in order. Whatever one member needs of another, it needs at the same place.
 * - `attend`, `attend_backward_query`, `attend_backward_key`, `scatter_add`: one op each, with its own loop structure.
 */
import type { Axis, Graph, OpOf, ValueId } from './graph.ts';
import type { Precision, Rounding } from './kernel.ts';

export interface RegionBase {
  /** Unique in the program, made from the names of the roots: `layer_attn_query`. */
  readonly name: string;
  /** What the kernel stores. */
  readonly roots: readonly ValueId[];
  /** Stored values that it reads. */
  readonly reads: readonly ValueId[];
  /** All values that it computes, roots included, in order. */
  readonly members: readonly ValueId[];
  /** For the report: why neighbours are not in it. */
  readonly notes: readonly string[];
}

export interface RowsRegion extends RegionBase {
  readonly kind: 'rows';
  /** The axes over which rows are independent; every root has all of them. Empty for a sum over everything. */
  readonly shared: readonly Axis[];
}

export interface ProductPart {
  /** Axes with one product each. */
  readonly batch: readonly Axis[];
  /** Axes along the rows of a tile, of one operand of each term (either one; at least one axis). */
  readonly rows: readonly Axis[];
  /** Axes along its columns, of the other operand (at least one axis). */
  readonly columns: readonly Axis[];
  /** Results of `contract` ops, all with the axes batch + rows + columns. */
  readonly accumulators: readonly ValueId[];
  /** The roots that this part stores, with the same axes: pointwise in the accumulators and in stored values. */
  readonly roots: readonly ValueId[];
}

export interface ProductRegion extends RegionBase {
  readonly kind: 'product';
  readonly parts: readonly ProductPart[];
  /**
   * Computed by a library and no kernel: one part, whose only root is its only accumulator, or the sum of that and of what lies in
   * its place (`FusedGraph.inPlace`), and each of whose terms is a product of matrices as they lie in memory (`ops/matrix-form.ts`).
   */
  readonly library: boolean;
}

export interface ScanRegion extends RegionBase {
  readonly kind: 'scan';
  /** The axis along which the recurrences of the region run; every root has it. */
  readonly over: Axis;
  /** From its last element to its first. */
  readonly reverse: boolean;
}

export interface OpRegion extends RegionBase {
  readonly kind: 'op';
  readonly op: OpOf<'attend'> | OpOf<'attend_backward_query'> | OpOf<'attend_backward_key'> | OpOf<'scatter_add'>;
}

export type Region = RowsRegion | ProductRegion | ScanRegion | OpRegion;

export type RegionStep =
  | { readonly kind: 'region'; readonly region: Region }
  | { readonly kind: 'loop'; readonly op: OpOf<'loop'>; readonly body: readonly RegionStep[] };

export interface FusedGraph {
  /** The graph that was fused, with a few ops put in the form in which they fuse best. */
  readonly graph: Graph;
  readonly steps: readonly RegionStep[];
  /** All values that lie in memory (inputs and weights too). */
  readonly stored: ReadonlySet<ValueId>;
  /**
   * Stored values that are another stored value seen with other axes, row-major alike: no kernel, no memory of their
   * own. A region may read the one or the other; both are one binding.
   */
  readonly aliases: ReadonlyMap<ValueId, ValueId>;
  /** What a loop carries and an iteration adds to in place: by the sum after it, the one before it, in whose memory it lies. */
  readonly inPlace: ReadonlyMap<ValueId, ValueId>;
  /** The order of axes in which a stored value lies, row-major. Its type's order unless the layout pass chose another. */
  readonly layouts: ReadonlyMap<ValueId, readonly Axis[]>;
  /** Stored values are of this type if their `storage` says so. Products may round their operands to it, never their sums. */
  readonly precision: Precision;
  /** How they are rounded. */
  readonly rounding: Rounding;
}

/** All regions, those of loops' bodies too, in the order in which they run. */
export function regionsIn(steps: readonly RegionStep[]): readonly Region[] {
  return steps.flatMap((step) => (step.kind === 'region' ? [step.region] : regionsIn(step.body)));
}
