/** What all programs start from: the same weights and the same batch. */

import type { Tensor } from '../src/runtime/safetensors.ts';
import { floatTensor, intTensor } from '../src/runtime/tensor-values.ts';
import { makeDice } from './dice.ts';
import type { Size } from './sizes.ts';

const STD = 0.02;

/** Weights by the names that `llama.tfm` gives them, and `tokens` and `targets` [batch, time]. */
export function startTensors(size: Size): ReadonlyMap<string, Tensor> {
  const { vocab, width, depth, heads, hidden, time, batch } = size;
  const head = width / heads;
  const dice = makeDice(1);
  const tensors = new Map<string, Tensor>();
  const drawn = (name: string, ...shape: readonly number[]): void => {
    const count = shape.reduce((a, b) => a * b, 1);
    tensors.set(
      name,
      floatTensor(
        Float32Array.from({ length: count }, () => STD * dice.normal()),
        shape,
      ),
    );
  };
  const ones = (name: string): void => {
    tensors.set(name, floatTensor(new Float32Array(width).fill(1), [width]));
  };
  const ids = (name: string): void => {
    tensors.set(
      name,
      intTensor(
        Int32Array.from({ length: batch * time }, () => dice.below(vocab)),
        [batch, time],
      ),
    );
  };
  ids('tokens');
  ids('targets');
  drawn('embedding.table', vocab, width);
  ones('final.rms_norm.gain');
  drawn('logits.linear.w', width, vocab);
  for (let layer = 1; layer <= depth; layer += 1) {
    const [attn, ffn] = [`layer.${layer}.attn`, `layer.${layer}.ffn`];
    ones(`${attn}.rms_norm.gain`);
    ones(`${ffn}.rms_norm.gain`);
    drawn(`${attn}.wq`, width, heads, 1, head);
    drawn(`${attn}.wk`, width, heads, head);
    drawn(`${attn}.wv`, width, heads, head);
    drawn(`${attn}.wo`, heads, 1, head, width);
    drawn(`${ffn}.w_gate`, width, hidden);
    drawn(`${ffn}.w_up`, width, hidden);
    drawn(`${ffn}.w_down`, hidden, width);
  }
  return tensors;
}
