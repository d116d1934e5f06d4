/**
 * Counter-based random numbers: a number is a pure function of a key and of counters, so that it can be drawn anywhere,
 * in any order, and again. The function is MurmurHash3_x86_32 (A. Appleby) of the counters as 32-bit words, with the key
 * as its seed; the upper 24 bits of the hash, divided by 2^24, are the number. Only 32-bit integer operations that wrap
 * are used, so that a kernel gives the same bits.
 *
 * The counters of a draw are, in order: seed of the run, step, micro-batch, iteration of the loop around (0 outside),
 * element (row-major in the type of the draw).
 */

function rotateLeft(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}

/** Takes one word into the state. */
function absorb(state: number, word: number): number {
  const mixed = Math.imul(rotateLeft(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593);
  return (Math.imul(rotateLeft(state ^ mixed, 13), 5) + 0xe6546b64) | 0;
}

/** Makes every bit of the state depend on every other; `words` is how many were absorbed. */
function finish(state: number, words: number): number {
  let h = state ^ (4 * words);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The hash of `words`, a u32. */
export function hashWords(key: number, words: readonly number[]): number {
  return finish(words.reduce(absorb, key | 0), words.length);
}

/** The key of a draw: the hash of its path as UTF-16 units, a u32. */
export function randomKey(path: string): number {
  return hashWords(
    0,
    Array.from(path, (_, i) => path.charCodeAt(i)),
  );
}

/** Uniform in [0, 1), of 24 bits, exact in f32. */
export function randomUniform(key: number, counters: readonly number[]): number {
  return (hashWords(key, counters) >>> 8) / 0x1000000;
}
