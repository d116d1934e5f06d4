export interface Dice {
  /** A whole number from 0 to below `n`. */
  readonly below: (n: number) => number;
  /** Normal, with mean 0 and variance 1. */
  readonly normal: () => number;
}

/** A seeded generator (xorshift, Marsaglia 2003): the benchmark needs no more than that all programs get the same. */
export function makeDice(seed: number): Dice {
  let state = seed * 0x9e3779b9 || 1;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  return {
    below: (n) => Math.floor(next() * n),
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  };
}
