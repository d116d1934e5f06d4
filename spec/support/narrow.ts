/** Floats of two bytes by search among all of them, which shares nothing with the code that rounds by bits. */
import type { NarrowType } from '../../src/compiler/ir/kernel.ts';
import { present } from '../../src/compiler/support/invariant.ts';
import { bfloatToNumber, halfToNumber } from '../../src/compiler/support/narrow-floats.ts';

export const NARROW_TYPES: readonly NarrowType[] = ['f16', 'bf16'];

/** The number that bits mean. */
export const VALUE_OF: { readonly [T in NarrowType]: (bits: number) => number } = {
  f16: halfToNumber,
  bf16: bfloatToNumber,
};

/** The bits of infinity; those of all finite numbers of no sign come before it, in the order of their sizes. */
const INFINITY: { readonly [T in NarrowType]: number } = { f16: 0x7c00, bf16: 0x7f80 };

const SIZES: { readonly [T in NarrowType]: Float64Array } = { f16: sizesOf('f16'), bf16: sizesOf('bf16') };

/** All finite numbers, and behind them the one that would follow if there were no largest. */
function sizesOf(type: NarrowType): Float64Array {
  const sizes = Float64Array.from({ length: INFINITY[type] }, (_, bits) => VALUE_OF[type](bits));
  const [before, last] = [sizes.at(-2), sizes.at(-1)].map((size) => present(size, 'a finite number')) as [
    number,
    number,
  ];
  return Float64Array.from([...sizes, 2 * last - before]);
}

/** The bits of the number nearest to `x`, of two the even one; of NaN, those of one. */
export function bitsOf(type: NarrowType, x: number): number {
  if (Number.isNaN(x)) return INFINITY[type] + 1;
  const sizes = SIZES[type];
  const size = Math.abs(x);
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0;
  let [low, high] = [0, INFINITY[type]];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((sizes[middle] ?? 0) <= size) low = middle;
    else high = middle;
  }
  const [below, above] = [size - (sizes[low] ?? 0), (sizes[high] ?? 0) - size];
  const up = above < below || (above === below && high % 2 === 0);
  return sign | (up ? high : low);
}

/** One of the two numbers around `x`, the larger in size where `u` is at least what is left to it, in steps between them. */
export function dithered(type: NarrowType, x: number, u: number): number {
  const near = nearest(type, x);
  if (near === x || Number.isNaN(x)) return x;
  const sizes = SIZES[type];
  const size = Math.abs(x);
  const above = sizes.findIndex((other) => other > size);
  if (above < 0) return near;
  const [low, high] = [sizes[above - 1] ?? 0, sizes[above] ?? 0];
  const chosen = u >= (high - size) / (high - low) ? high : low;
  return Math.sign(x) * (above === INFINITY[type] && chosen === high ? Number.POSITIVE_INFINITY : chosen);
}

export function nearest(type: NarrowType, x: number): number {
  return VALUE_OF[type](bitsOf(type, x));
}
