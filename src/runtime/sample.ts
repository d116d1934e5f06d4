import type { LoadedPlan } from '../backends/device.ts';
import { dataFailure } from '../compiler/diagnostics/data.ts';
import { runFailure } from '../compiler/diagnostics/run.ts';
import type { HostScalars } from '../compiler/ir/plan.ts';
import { checkSampling, chooseToken, type Sampling } from './choose-token.ts';
import type { Tokenizer } from './data/tokenizer.ts';
import { philox } from './philox.ts';
import { logitsProgram } from './run-logits.ts';

export interface SampleOptions extends Sampling {
  readonly prompt: string;
  /** Tokens to add. */
  readonly tokens: number;
  readonly seed: number;
  /** Steps that the weights were trained for, for models that depend on the step. */
  readonly step: number;
}

/**
 * Continues the prompt. `write` gets the new text as it comes, whole characters only. The model sees the last tokens that
 * fit into its time. The same seed gives the same text.
 * Fails with `program-missing`, `sampling-option`, `token-outside-vocabulary` or `logits-not-finite`.
 */
export async function sample(
  loaded: LoadedPlan,
  tokenizer: Tokenizer,
  options: SampleOptions,
  write: (text: string) => void,
): Promise<void> {
  checkSampling(options);
  const scalars: HostScalars = { step: options.step, seed: options.seed, micro: 0, lr: 0, bias1: 1, bias2: 1 };
  const { time, vocab, run } = logitsProgram(loaded, scalars, 'sampling');
  // A text has to begin with something; a line break is what most texts have before them.
  const begin = options.prompt === '' ? '\n' : options.prompt;
  const tokens = Array.from(tokenizer.encode(new TextEncoder().encode(begin)));
  const bad = tokens.findIndex((t) => t >= vocab);
  if (bad >= 0) {
    throw dataFailure('token-outside-vocabulary', {
      token: tokens[bad] ?? 0,
      vocab,
      place: `token ${bad} of the prompt`,
    });
  }
  const decoder = tokenizer.decoder();
  for (let n = 0; n < options.tokens; n += 1) {
    const seen = tokens.slice(-time);
    const window = new Int32Array(time);
    window.set(seen);
    const logits = (await run(window, seen.length - 1, 1)).subarray(0, tokenizer.size);
    if (!logits.every(Number.isFinite)) throw runFailure('logits-not-finite', { position: tokens.length });
    const token = chooseToken(logits, options, uniformAt(options.seed, n));
    tokens.push(token);
    const text = decoder.push(token);
    if (text) write(text);
  }
  const rest = decoder.end();
  if (rest) write(rest);
}

/** The n-th draw of a seed, in [0, 1). */
function uniformAt(seed: number, n: number): number {
  const [high, low] = philox([n, 0, 0, 0x5a3b], seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0);
  return (high * 2 ** 21 + (low >>> 11)) * 2 ** -53;
}
