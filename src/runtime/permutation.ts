import { philox } from './philox.ts';

/**
 * A random permutation of 0 … count - 1, computed point by point in constant memory: a Feistel network over the next
 * even power of two, whose points outside of the range are sent through it again (cycle walking; Black and Rogaway,
 * "Ciphers with arbitrary finite domains", CT-RSA 2002).
 */
export function permutation(count: number, seed: number, epoch: number): (index: number) => number {
  const half = Math.max(1, Math.ceil(Math.log2(Math.max(count, 2)) / 2));
  const size = 2 ** half;
  const once = (point: number): number => {
    let left = Math.floor(point / size);
    let right = point % size;
    for (let round = 0; round < 6; round += 1) {
      const [word] = philox([right, round, epoch >>> 0, 0x5bf0], seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0);
      [left, right] = [right, (left ^ (word % size)) >>> 0];
    }
    return left * size + right;
  };
  return (index) => {
    let point = once(index);
    while (point >= count) point = once(point);
    return point;
  };
}
