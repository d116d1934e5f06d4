/** A LLaMA-style model small enough that a driver compiles its kernels in seconds, at sizes that no kernel likes. */
export const TINY_LLAMA = `use std.{Embedding, Attention, SwiGLU, Linear, RMSNorm}
use std.schemes.{PreNorm}

model Llama(vocab: axis = 61, width: axis = 24, depth = 2, heads = 3, hidden: axis = 40,
            N = x => RMSNorm()(x))(tokens: int[batch, time], targets: int[batch, time]) {
  embed = Embedding(vocab, width)
  x = PreNorm.enter(embed(tokens), N)
  for layer in 1..depth { x = PreNorm.block(x, (attn = Attention(heads), ffn = SwiGLU(hidden)), N, layer, depth) }
  logits = Linear(vocab)(PreNorm.leave(x, N))
  loss = mean(cross_entropy(logits, targets, over = vocab), where = targets >= 0)
}

train Llama() { batch = 3; time = 17; steps = 4; optimizer = adam(); lr = 1e-2; clip = 1 }
`;

export const TINY_VOCAB = 61;
