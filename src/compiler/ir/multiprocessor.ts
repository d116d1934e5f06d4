/** What a multiprocessor of an A100 does, for estimates before anything is measured: both fusion and tiling reckon with it. */

/** Products added in each cycle: of two bytes on matrix units, and of four bytes. */
export const PRODUCTS_PER_CYCLE = { narrow: 1024, f32: 64 } as const;
/** Bytes that it gets in each cycle of the cache that all share. */
export const BYTES_PER_CYCLE = 48;
/** Bytes that its workgroup memory gives or takes in each cycle. */
export const SHARED_BYTES_PER_CYCLE = 128;
/** Places of a sum that a product on matrix units brings at once. */
export const DEPTH = 32;
