import type { LoadedPlan } from '../backends/device.ts';
import { dataFailure } from '../compiler/diagnostics/data.ts';
import { runFailure } from '../compiler/diagnostics/run.ts';
import type { HostScalars } from '../compiler/ir/plan.ts';
import { checkSampling, chooseToken, type Sampling } from './choose-token.ts';
import type { Tokenizer } from './data/tokenizer.ts';
import { openDecoder } from './open-decoder.ts';
import { philox } from './philox.ts';

export interface SampleOptions extends Sampling {
  readonly prompt: string;
  /** Tokens to add. */
  readonly tokens: number;
  readonly seed: number;
  /** Steps that the weights were trained for, for models that depend on the step. */
  readonly step: number;
}

export interface Sampled {
  /** Whether a token took a step from what was kept of those before, or a run of the whole model. */
  readonly decode: 'cached' | 'rerun';
  /** Why tokens took a run of the whole model, if some did. */
  readonly reason?: string;
}

/**
 * Continues the prompt. `write` gets the new text as it comes, whole characters only; before that `tell` is told why tokens take
 * runs of the whole model, if some will. The model sees the last tokens that fit into its time. The same seed gives the same text.
 * Fails with `program-missing`, `sampling-option`, `token-outside-vocabulary` or `logits-not-finite`.
 */
export async function sample(
  loaded: LoadedPlan,
  tokenizer: Tokenizer,
  options: SampleOptions,
  write: (text: string) => void,
  tell: (note: string) => void = () => {},
): Promise<Sampled> {
  checkSampling(options);
  const scalars: HostScalars = {
    step: options.step,
    seed: options.seed,
    micro: 0,
    lr: 0,
    bias1: 1,
    bias2: 1,
  };
  const decoder = openDecoder(loaded, scalars, 'sampling');
  const { vocab, decode } = decoder;
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
  // The last token is drawn and not looked at.
  const reason = decoder.rerunAfter(tokens.length + options.tokens - 1);
  const which = decode === 'rerun' ? 'each token takes' : 'later tokens take';
  if (reason !== undefined) tell(`${which} a run of the whole model: ${reason}`);
  const characters = tokenizer.decoder();
  for (let n = 0; n < options.tokens; n += 1) {
    const logits = (await decoder.next(tokens)).subarray(0, tokenizer.size);
    if (!logits.every(Number.isFinite)) throw runFailure('logits-not-finite', { position: tokens.length });
    const token = chooseToken(logits, options, uniformAt(options.seed, n));
    tokens.push(token);
    const text = characters.push(token);
    if (text) write(text);
  }
  const rest = characters.end();
  if (rest) write(rest);
  return { decode, ...(reason === undefined ? {} : { reason }) };
}

/** The n-th draw of a seed, in [0, 1). */
function uniformAt(seed: number, n: number): number {
  const [high, low] = philox([n, 0, 0, 0x5a3b], seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0);
  return (high * 2 ** 21 + (low >>> 11)) * 2 ** -53;
}
