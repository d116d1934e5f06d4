/** The sizes of the model that the programs train. */
export interface Size {
  readonly name: string;
  readonly vocab: number;
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  readonly hidden: number;
  readonly time: number;
  readonly batch: number;
}

const S: Size = { name: 'S', vocab: 256, width: 128, depth: 4, heads: 4, hidden: 344, time: 128, batch: 8 };

export const SIZES: Readonly<Record<string, Size>> = {
  S,
  M: { name: 'M', vocab: 4096, width: 256, depth: 8, heads: 8, hidden: 688, time: 256, batch: 4 },
  /** S in depth. */
  D: { ...S, name: 'D', depth: 24 },
};

/** The LLaMA of 130 million weights, for GPUs: arXiv 2502.05795, table of the models. */
export const SIZE_130M: Size = {
  name: '130M',
  vocab: 32_000,
  width: 768,
  depth: 12,
  heads: 12,
  hidden: 2048,
  time: 1024,
  batch: 16,
};

/** For a try on the processor in a GPU's place. */
export const SIZE_TINY: Size = {
  name: 'tiny',
  vocab: 61,
  width: 32,
  depth: 2,
  heads: 2,
  hidden: 44,
  time: 24,
  batch: 2,
};

/** The settings that give `llama.tfm` a size. */
export function settingsOf({ vocab, width, depth, heads, hidden, time, batch }: Size): readonly string[] {
  const sizes = { vocab, width, depth, heads, hidden, 'train.time': time, 'train.batch': batch, 'train.micro': batch };
  return Object.entries(sizes).map(([name, value]) => `${name}=${value}`);
}

/** Operations of the products of a training step: two for each product of a sum, forward once and backward twice. */
export function productFlops({ vocab, width, depth, hidden, time, batch, heads }: Size): number {
  const head = width / heads;
  const block = 4 * width * width + 3 * width * hidden;
  const attention = 2 * heads * time * head;
  return 3 * 2 * batch * time * (depth * (block + attention) + width * vocab);
}
