import { runFailure } from '../compiler/diagnostics/run.ts';
import { invariant } from '../compiler/support/invariant.ts';

export interface Sampling {
  /** Divides the logits; at 0 the likeliest token is taken. */
  readonly temperature: number;
  /** Only the k likeliest tokens; all when undefined. */
  readonly topK: number | undefined;
  /** Only the likeliest tokens that together reach this probability: nucleus sampling, Holtzman et al., arXiv 1904.09751. */
  readonly topP: number | undefined;
}

/** Fails with `sampling-option`. */
export function checkSampling({ temperature, topK, topP }: Sampling): void {
  const fail = (option: string, value: number, rule: string): never => {
    throw runFailure('sampling-option', { option, value, rule });
  };
  if (!(temperature >= 0 && Number.isFinite(temperature))) fail('temperature', temperature, '0 or more');
  if (topK !== undefined && !(Number.isInteger(topK) && topK > 0)) fail('top-k', topK, 'a whole number of at least 1');
  if (topP !== undefined && !(topP > 0 && topP <= 1)) fail('top-p', topP, 'more than 0 and at most 1');
}

/**
 * Draws a token: temperature, then top-k, then top-p, then the inverse of the cumulated distribution at `uniform`, a
 * number in [0, 1). Tokens of equal logits are ordered by their ids.
 */
export function chooseToken(logits: Float32Array, { temperature, topK, topP }: Sampling, uniform: number): number {
  const order = likeliestFirst(logits);
  const [best = 0] = order;
  if (temperature === 0) return best;
  const kept = order.subarray(0, topK);
  const top = logits[best] ?? 0;
  const weights = kept.map((t) => Math.exp(((logits[t] ?? 0) - top) / temperature));
  const count = topP === undefined ? weights.length : nucleus(weights, topP);
  let rest = uniform * sum(weights.subarray(0, count));
  for (let i = 0; i < count; i += 1) {
    rest -= weights[i] ?? 0;
    if (rest < 0) return kept[i] ?? best;
  }
  return kept[count - 1] ?? best;
}

/** Ids fit below the bits of a float in a number that is exact. */
const IDS = 2 ** 21;

/**
 * All tokens, by falling logits and then by rising ids. A vocabulary may have a hundred thousand of them, and numbers alone are
 * sorted several times as fast as by a function: the bits of a float, turned so that they rise as it falls, with the id behind them.
 */
function likeliestFirst(logits: Float32Array): Float64Array {
  invariant(logits.length <= IDS, 'a vocabulary of at most two million');
  // Both zeros are one number.
  const bits = new Uint32Array(logits.map((x) => x + 0).buffer);
  const keys = new Float64Array(bits).map((b, id) => ((b >>> 31 ? b : ~b & 0x7fffffff) >>> 0) * IDS + id);
  return keys.sort().map((key) => key % IDS);
}

/** How many of the largest weights reach a share of their sum. */
function nucleus(weights: Float64Array, share: number): number {
  const enough = share * sum(weights);
  let reached = 0;
  const last = weights.findIndex((w) => {
    reached += w;
    return reached >= enough;
  });
  return last < 0 ? weights.length : last + 1;
}

function sum(values: Float64Array): number {
  return values.reduce((a, b) => a + b, 0);
}
