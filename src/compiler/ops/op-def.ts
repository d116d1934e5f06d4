/** What is said of every op, in one place: its shape rule, its gradient and its reference evaluation. */
import type { OpAttrs, OpName, TensorType, ValueId } from '../ir/graph.ts';

export interface InferContext<K extends OpName> {
  readonly attrs: OpAttrs[K];
  readonly operands: readonly TensorType[];
  /** The type that a leaf was given, since nothing else tells it. */
  readonly declared: TensorType | undefined;
  /** The type of a value that a block of the op mentions. */
  readonly typeOf: (id: ValueId) => TensorType;
}

export interface OpDef<K extends OpName> {
  /** The types of the results. Throws an `InternalError` on misuse: the elaborator has checked what users write. */
  readonly infer: (context: InferContext<K>) => readonly TensorType[];
}
