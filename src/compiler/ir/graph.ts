/**
 * Graph IR: what a program computes, as SSA over tensors with named axes.
 *
 * A tensor's type is an element kind, an ordered list of distinct axes, and how it is stored and accumulated. The order
 * of axes is the row-major order of its elements when it is stored; operations find axes by identity, never by place.
 *
 * An `Op` has operands, attributes and one or more results. Ops are pure. A `Block` is a list of ops in an order in
 * which every operand is defined before it is used; value ids are unique in a whole graph, so the body of a loop may
 * name values that are defined outside it (it captures them).
 *
 * Pointwise ops broadcast in one direction only: the axes of every operand are a subset of those of the result. All
 * other broadcasting is an explicit `expand`.
 *
 * Depth is a `loop` (a scan): its body is one iteration, its operands are first the initial values of what it carries,
 * then stacked values, from which iteration i sees the slice i; its results are first the final carried values, then
 * stacked values, to which iteration i gives slice i. Per-layer weights are one stacked weight with a name for each
 * slice; per-layer constants are a `constant` with a value for each slice.
 *
 * The float64 interpreter (`src/backends/reference`) gives every op its meaning; `src/compiler/ops` holds an op's shape
 * rule, gradient and reference evaluation in one place.
 */
import type { Brand } from '../support/brand.ts';
import type { Span } from '../support/source.ts';

export type AxisId = Brand<string, 'AxisId'>;
export type ValueId = Brand<number, 'ValueId'>;
export type WeightId = Brand<string, 'WeightId'>;

/** A dimension with identity. Two axes of equal name and size are different unless their ids are equal. */
export interface Axis {
  readonly id: AxisId;
  /** As the user spelled it; for messages and kernels, not unique. */
  readonly name: string;
  readonly size: number;
}

export type ElementKind = 'float' | 'int' | 'bool';
export type Storage = 'f32' | 'f16' | 'bf16' | 'i32' | 'bool';

export interface TensorType {
  readonly kind: ElementKind;
  readonly axes: readonly Axis[];
  /** How an element lies in memory when the value is stored. */
  readonly storage: Storage;
  /** The precision in which reductions and contractions that make the value add up. */
  readonly accumulate: 'f32';
}

export interface Value {
  readonly id: ValueId;
  readonly type: TensorType;
  /** The path that the value has in the spec, such as `layer.attn.query`; kernels are named from it. */
  readonly name: string | undefined;
}

export type UnaryFunction =
  | 'neg'
  | 'exp'
  | 'log'
  | 'sin'
  | 'cos'
  | 'tanh'
  | 'erf'
  | 'sqrt'
  | 'rsqrt'
  | 'abs'
  | 'floor'
  | 'acos'
  | 'not';
export type BinaryFunction =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'mod'
  | 'pow'
  | 'max'
  | 'min'
  | 'eq'
  | 'ne'
  | 'lt'
  | 'le'
  | 'gt'
  | 'ge'
  | 'and'
  | 'or';

/** Scalars that change while a program runs, set by the host; as values they are floats without axes. */
export type RuntimeScalar = 'step' | 'lr';

/** The attributes of every op. The name of an op is its key here; all tables over ops are exhaustive in these keys. */
export interface OpAttrs {
  /** An input of the graph, by name. */
  readonly input: { readonly name: string };
  /** A weight. One that belongs to a loop is stacked: its first axis is the loop's. */
  readonly weight: { readonly weight: WeightId };
  /** A scalar, or with one axis a table of one number for each iteration of a loop. Booleans are 0 and 1. */
  readonly constant: { readonly values: readonly number[] };
  /** int positions 0, 1, … counted row-major over the axes of the result. */
  readonly index: Record<never, never>;
  /** Uniform in [0, 1), a pure function of (seed, step, micro, path, iteration of the loop, element); see `random.ts`. */
  readonly random: { readonly path: string };
  /** A scalar of the host. `step` counts from 0. */
  readonly runtime: { readonly scalar: RuntimeScalar };
  readonly unary: { readonly fn: UnaryFunction };
  readonly binary: { readonly fn: BinaryFunction };
  /** (condition, then, else). */
  readonly where: Record<never, never>;
  readonly cast: { readonly to: ElementKind };
  /** The same element for every position of `axes`, which the operand lacks and which come last, in the order given. */
  readonly expand: { readonly axes: readonly Axis[] };
  readonly rename: { readonly from: AxisId; readonly to: Axis };
  /** `from` becomes `into`, row-major, in its place. */
  readonly split: { readonly from: AxisId; readonly into: readonly Axis[] };
  /** `from`, in this order, row-major, become `into`, at the place of the last of them in the operand. */
  readonly merge: { readonly from: readonly AxisId[]; readonly into: Axis };
  /** The same tensor with its axes in this order: only where it is stored does anything change. */
  readonly permute: { readonly axes: readonly AxisId[] };
  /** Elements start, start + 1, … of `from`; `into` gives the count. */
  readonly slice: { readonly from: AxisId; readonly start: number; readonly into: Axis };
  /** Zeros around: element i of `from` goes to i + before of `into`. */
  readonly pad: { readonly from: AxisId; readonly before: number; readonly into: Axis };
  /** One element of `axis`; the axis goes. */
  readonly pick: { readonly axis: AxisId; readonly index: number };
  /** n operands of one type; the fresh axis of size n comes first. */
  readonly stack: { readonly axis: Axis };
  readonly sum: { readonly axes: readonly AxisId[] };
  /** The first of equals receives the gradient. */
  readonly max: { readonly axes: readonly AxisId[] };
  /** int; the first of equals. */
  readonly argmax: { readonly axis: AxisId };
  /**
   * (a1, b1, a2, b2, …), one pair for each entry of `terms`: the sum over pairs of the product over shared axes, summed
   * over the term's axes. The result has the remaining axes of a1, then those of b1 that a1 lacks. Elaboration makes
   * one term; `merge-contracts` makes one op of a sum of contractions.
   */
  readonly contract: { readonly terms: readonly (readonly AxisId[])[] };
  /** (x, ids): the place of `axis` takes the axes of `ids`; those that x already has are aligned. Ids are clamped. */
  readonly gather: { readonly axis: AxisId };
  /**
   * (values, ids): the transpose of gather. Sums values at equal ids into `axis`, in a fixed order. `axes` are those of
   * the result, in order, `axis` among them; an axis of the ids that is not among them is summed over.
   */
  readonly scatter_add: { readonly axis: Axis; readonly axes: readonly Axis[] };
  /**
   * (x, value, position): `x` with `value`, which has its other axes, at the int `position` of `axis`. Made for decoding: `x` is a
   * state, which nothing else reads, and the result lies where it lay, so that only `value` is written.
   */
  readonly put: { readonly axis: AxisId };
  /**
   * (a, b): the first-order linear recurrence h_t = a_t h_(t-1) + b_t along `over`, with 0 before its first element; in
   * reverse h_t = a_t h_(t+1) + b_t, with 0 behind its last. One operand has all axes of the other, and `over`.
   */
  readonly recur: RecurAttrs;
  /** The operand, with no gradient. */
  readonly stop_gradient: Record<never, never>;
  /** The sum of a value over all micro-batches of a step; the value itself when there is one. */
  readonly step_total: Record<never, never>;
  readonly attend: AttendAttrs;
  /** (q, k, v, o, logsumexp, gradient of o, ...captures) -> gradient of q, delta = sum over `on` of o * gradient of o. */
  readonly attend_backward_query: AttendAttrs;
  /** (q, k, v, logsumexp, delta, gradient of o, ...captures) -> gradients of k and v. */
  readonly attend_backward_key: AttendAttrs;
  readonly loop: LoopAttrs;
}

/**
 * Attention by online softmax: (q, k, v, ...captures) -> o, logsumexp.
 *
 * With s = scale * sum over `on` of q * k[over -> key], o = softmax(score(s) where mask, over = key) @[key] v[over -> key].
 * k and v may lack axes of q other than `over` and `on` (grouped queries). The blocks work at one element: the
 * parameters of `score` are (s, i, j, ...captures) and of `mask` (i, j, ...captures); i and j are int positions of the query and key, and
 * all of them have the axes of the score. `captures` may have any axes of the score, and carry no gradient.
 * The logsumexp (natural logarithm, of the masked scores) has the axes of q without `on`. Every query must see a key.
 */
export interface AttendAttrs {
  readonly over: AxisId;
  /** The axis that stands for the keys, of the size of `over`. */
  readonly key: Axis;
  readonly on: AxisId;
  readonly scale: number;
  readonly mask: Block;
  readonly score: Block;
}

export interface RecurAttrs {
  readonly over: AxisId;
  /** Runs from the last element to the first: the gradient of a recurrence is one. */
  readonly reverse: boolean;
}

export interface LoopAttrs {
  /** The first axis of all stacked operands and results. */
  readonly axis: Axis;
  /** Runs from the last iteration to the first. */
  readonly reverse: boolean;
  /** How many operands, results, block parameters and block results are carried. They come first. */
  readonly carried: number;
  readonly body: Block;
}

export type OpName = keyof OpAttrs;

/** An op of kind K, for functions that are generic in the kind. */
export interface OpShape<K extends OpName> {
  readonly kind: K;
  readonly attrs: OpAttrs[K];
  readonly operands: readonly ValueId[];
  readonly results: readonly Value[];
  readonly span: Span;
}

/** An op; `kind` says which attributes it has. */
export type Op = { readonly [K in OpName]: OpShape<K> }[OpName];

export type OpOf<K extends OpName> = Extract<Op, { readonly kind: K }>;

export interface Block {
  readonly params: readonly Value[];
  readonly ops: readonly Op[];
  readonly results: readonly ValueId[];
}

/** How a weight begins. Draws depend on the seed and the name of the weight only. */
export type Init =
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'normal'; readonly std: number }
  | { readonly kind: 'uniform'; readonly low: number; readonly high: number }
  /** 1 where the last two axes have equal positions. */
  | { readonly kind: 'eye'; readonly scale: number }
  | { readonly kind: 'onehot'; readonly index: number; readonly scale: number };

/** One trainable tensor of the checkpoint. */
export interface WeightMember {
  /** `layer.3.attn.wq`. */
  readonly name: string;
  readonly init: Init;
  /** Factors on the learning rate, eps and weight decay of the train block. */
  readonly lr: number;
  readonly eps: number;
  readonly decay: number;
  /** Largest norm of this weight's own gradient, applied after the global clip. */
  readonly clip: number | undefined;
  readonly freeze: boolean;
}

/** A weight of the graph: one tensor, or one for each iteration of a loop, stacked. */
export interface Weight {
  readonly id: WeightId;
  /** The axes of one member. */
  readonly axes: readonly Axis[];
  /** The loop's axis, when stacked. */
  readonly stacked: Axis | undefined;
  readonly members: readonly WeightMember[];
  /** What the backward pass left as its gradient, in place of the weight. */
  readonly isGradient?: boolean;
  readonly span: Span;
}

export interface GraphInput {
  readonly name: string;
  readonly type: TensorType;
}

export interface GraphOutput {
  readonly name: string;
  readonly value: ValueId;
}

/** A whole program: `block` has no parameters; its results are the values of `outputs`, in order. */
export interface Graph {
  readonly inputs: readonly GraphInput[];
  readonly weights: readonly Weight[];
  readonly outputs: readonly GraphOutput[];
  readonly block: Block;
}
