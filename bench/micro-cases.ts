/** Single functions whose value and gradients are computed by themselves; `micro/*.tfm` says them in the language. */
import type { Tensor } from '../src/runtime/safetensors.ts';
import { floatTensor, intTensor } from '../src/runtime/tensor-values.ts';
import { makeDice } from './dice.ts';

export interface MicroCase {
  readonly name: string;
  /** The spec in `micro/`, and the function of the rivals. */
  readonly kind: 'product' | 'norm' | 'cross-entropy' | 'attention';
  /** Settings of the spec. */
  readonly set: Readonly<Record<string, number>>;
  /** Shapes of the weights, by their names in the spec. */
  readonly weights: Readonly<Record<string, readonly number[]>>;
  /** Positions of the targets, and what they are below. */
  readonly targets: { readonly count: number; readonly below: number };
  /** Operations of products, forward and backward; 0 where there are none. */
  readonly flops: number;
}

const NO_TARGETS = { count: 1, below: 1 };

/** A product of `rows` by `inner` with `inner` by `columns`. */
export const product = (rows: number, inner: number, columns: number): MicroCase => ({
  name: rows === inner && inner === columns ? `product ${rows}` : `product ${rows} x ${inner} x ${columns}`,
  kind: 'product',
  set: { rows, inner, columns },
  weights: { a: [rows, inner], b: [inner, columns] },
  targets: NO_TARGETS,
  flops: 3 * 2 * rows * inner * columns,
});

const norm = (rows: number, width: number): MicroCase => ({
  name: `RMSNorm + residual ${rows} x ${width}`,
  kind: 'norm',
  set: { rows, width },
  weights: { x: [rows, width], y: [rows, width], 'rms_norm.gain': [width] },
  targets: NO_TARGETS,
  flops: 0,
});

const crossEntropy = (time: number, vocab: number): MicroCase => ({
  name: `cross-entropy ${time} x ${vocab}`,
  kind: 'cross-entropy',
  set: { vocab, 'train.time': time },
  weights: { table: [time, vocab] },
  targets: { count: time, below: vocab },
  flops: 0,
});

const attention = (heads: number, time: number, head: number): MicroCase => ({
  name: `attention ${heads} x ${time} x ${head}`,
  kind: 'attention',
  set: { heads, head, 'train.time': time },
  weights: { q: [heads, time, head], k: [heads, time, head], v: [heads, time, head] },
  targets: { count: time, below: 1 },
  flops: 0,
});

/** Cubes, the products of the models S and M, and what stands between them. */
export const MICRO_CASES: readonly MicroCase[] = [
  product(256, 256, 256),
  product(512, 512, 512),
  product(1024, 1024, 1024),
  product(1024, 128, 384),
  product(1024, 128, 344),
  product(1024, 344, 128),
  product(1024, 256, 688),
  product(1024, 256, 4096),
  norm(1024, 256),
  crossEntropy(1024, 4096),
  attention(4, 1024, 32),
];

export function microTensors({ weights, targets }: MicroCase): ReadonlyMap<string, Tensor> {
  const dice = makeDice(1);
  const { count, below } = targets;
  const ids = Int32Array.from({ length: count }, () => dice.below(below));
  const drawn = Object.entries(weights).map(([name, shape]) => {
    const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => dice.normal());
    return [name, floatTensor(values, shape)] as const;
  });
  return new Map([...drawn, ['targets', intTensor(ids, [1, count])]]);
}
