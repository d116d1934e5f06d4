/** What lies around the segments of a plan and in its arena, in tests. */

/** Bytes of a guard band; a multiple of the alignment of bindings. */
export const GUARD_BYTES = 256;
/** A NaN whose bits no computation makes. */
export const GUARD_WORD = 0x7fc0dead;
/** What the arena is filled with before each run: a NaN, and of elements of two bytes two. */
export const POISON_WORD = 0x7fc07fc0;

/** The first byte of a guard band that is not as it was; undefined when all are. */
export function brokenByte(band: ArrayBuffer): number | undefined {
  const word = new Uint32Array(band).findIndex((w) => w !== GUARD_WORD);
  return word < 0 ? undefined : word * 4;
}
