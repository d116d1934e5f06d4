/**
 * How a model is trained: what a `train` block says, evaluated. Plain JSON, so that a compiled folder carries it.
 */
import type { BinaryFunction, UnaryFunction } from './graph.ts';
import type { Precision, Rounding } from './kernel.ts';

/** A number that depends on the step (counted from 0), for the learning rate. Evaluated by the host in float64. */
export type ScalarExpr =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'step' }
  | {
      readonly kind: 'apply';
      readonly fn: UnaryFunction | BinaryFunction | 'where';
      readonly args: readonly ScalarExpr[];
    };

export type TokenizerSpec =
  | { readonly kind: 'bytes' }
  /** Path of a Hugging Face tokenizer.json, relative to the spec. */
  | { readonly kind: 'huggingface'; readonly path: string };

export type DataSpec =
  /** Plain text: files or glob patterns, relative to the spec, or `npm:PACKAGE/GLOB` for text that a package ships. */
  | { readonly kind: 'text'; readonly files: readonly string[]; readonly tokenizer: TokenizerSpec }
  /** Token files: llm.c's with a header, or nanoGPT's bare u16. */
  | { readonly kind: 'tokens'; readonly files: readonly string[] };

export type OptimizerSpec = {
  /** Decay is decoupled (AdamW): w -= lr * decay * w before the update. Plain Adam has decay 0. */
  readonly kind: 'adam';
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly decay: number;
};

export interface TrainConfig {
  readonly data: DataSpec | undefined;
  /** A share of the data (its tail) kept for validation and never trained on, or a source of its own. */
  readonly validation:
    | { readonly kind: 'tail'; readonly share: number }
    | { readonly kind: 'data'; readonly data: DataSpec };
  /** Sequences of a step. */
  readonly batch: number;
  /** Sequences of a micro-batch, or `auto`: the largest divisor of batch that fits. */
  readonly micro: number | 'auto';
  /** Bytes that a training may take of a device's memory; all that there is when undefined. */
  readonly memory: number | undefined;
  /** Sizes of the input axes by name, `batch` excepted: `time`. */
  readonly sizes: Readonly<Record<string, number>>;
  readonly steps: number;
  readonly optimizer: OptimizerSpec;
  readonly lr: ScalarExpr;
  /** Whether a prediction may depend on no later token, which is checked while compiling. */
  readonly causal: boolean;
  /** Largest norm of all gradients together. */
  readonly clip: number | undefined;
  readonly seed: number;
  /** In what activations and their gradients lie in memory; see `passes/precision/precision.ts`. */
  readonly precision: Precision;
  /** How they are rounded there, in two bytes. */
  readonly rounding: Rounding;
  /** Steps between log lines, validations, probes, and checkpoints. */
  readonly logEvery: number;
  readonly evalEvery: number;
  readonly probeEvery: number;
  readonly saveEvery: number;
  /** Tokens of a validation; all when undefined. */
  readonly evalTokens: number | undefined;
  /** Checkpoints kept. */
  readonly keep: number;
}
