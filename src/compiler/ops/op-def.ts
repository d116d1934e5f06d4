/** What is said of every op, in one place: its shape rule, its gradient and its reference evaluation. */
import type { Block, OpAttrs, OpName, OpShape, RuntimeScalar, TensorType, ValueId, WeightId } from '../ir/graph.ts';
import type { Builder } from './builder.ts';

export interface InferContext<K extends OpName> {
  readonly attrs: OpAttrs[K];
  readonly operands: readonly TensorType[];
  /** The type that a leaf was given, since nothing else tells it. */
  readonly declared: TensorType | undefined;
  /** The type of a value that a block of the op mentions. */
  readonly typeOf: (id: ValueId) => TensorType;
}

export interface VjpContext<K extends OpName> {
  /** Builds after the op, so that its operands and results may be named. */
  readonly b: Builder;
  readonly op: OpShape<K>;
  /** The gradient of each result, of its type; undefined where it is zero. At least one is defined. */
  readonly gradients: readonly (ValueId | undefined)[];
}

/** Builds the gradient of one operand, of its type. */
export type GradientOf = () => ValueId;

/** A tensor of the reference evaluation: its elements row-major in its type; int and bool as whole numbers. */
export interface Tensor {
  readonly type: TensorType;
  readonly data: Float64Array;
}

/** What a graph is given from outside. */
export interface Host {
  readonly inputs: ReadonlyMap<string, Float64Array>;
  readonly weights: ReadonlyMap<WeightId, Float64Array>;
  readonly runtime: { readonly [K in RuntimeScalar]: number };
  readonly seed: number;
  readonly micro: number;
}

export interface EvaluateContext<K extends OpName> {
  readonly attrs: OpAttrs[K];
  readonly operands: readonly Tensor[];
  readonly results: readonly TensorType[];
  readonly host: Host;
  /** Of the loop around, counted over all loops around it; 0 outside. */
  readonly iteration: number;
  /** Evaluates a block of the op, as this iteration of it. */
  readonly run: (block: Block, args: readonly Tensor[], iteration?: number) => readonly Tensor[];
  /** A pointwise block with a second result: the derivative of the first by its first parameter. */
  readonly derivative: (block: Block) => Block;
}

export interface OpDef<K extends OpName> {
  /** The types of the results. Throws an `InternalError` on misuse: the elaborator has checked what users write. */
  readonly infer: (context: InferContext<K>) => readonly TensorType[];
  /**
   * The vector-Jacobian product: a maker for the gradient of each operand, undefined where there is none (also beyond
   * the end). Undefined for ops that pass no gradient, and for `loop`, which `autodiff` differentiates as a whole.
   */
  readonly vjp: ((context: VjpContext<K>) => readonly (GradientOf | undefined)[]) | undefined;
  /** The elements of the results by the op's definition, in float64. */
  readonly evaluate: (context: EvaluateContext<K>) => readonly Float64Array[];
}
