import type { causalityEntries } from '../causality.ts';
import { type ExamplesOf, inStack } from '../example.ts';

const TRAINING = '// in the training\ndata = text("corpus/*.txt", tokenizer = bytes)';

export const CAUSALITY_EXAMPLES: ExamplesOf<typeof causalityEntries> = {
  'sees-the-future': inStack(
    `Mine = Scheme(site = (x, f, N, l, L) => x + f(N(x)))
// in the model
z = logits - mean(logits, over = time)
loss = mean(cross_entropy(z, targets, over = vocab))
${TRAINING}`,
    `Mine = Scheme(site = (x, f, N, l, L) => x + f(N(x)))
// in the model
z = logits - cumsum(logits, over = time) / float(index(time) + 1)
loss = mean(cross_entropy(z, targets, over = vocab))
${TRAINING}`,
  ),
};
