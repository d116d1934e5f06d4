import { createHash } from 'node:crypto';
import type { Init } from '../compiler/ir/graph.ts';
import type { WeightPlace } from '../compiler/ir/plan.ts';
import { unreachable } from '../compiler/support/invariant.ts';
import { philox, unit } from './philox.ts';

/** The first values of a weight. They depend on `seed`, the weight's name, and its init only: not on other weights. */
export function initialValues(
  place: Pick<WeightPlace, 'name' | 'shape' | 'init'>,
  seed: number,
): Float32Array<ArrayBuffer> {
  const values = new Float32Array(place.shape.reduce((n, size) => n * size, 1));
  fill(values, place.init, place.shape, place.name, seed);
  return values;
}

function fill(values: Float32Array, init: Init, shape: readonly number[], name: string, seed: number): void {
  const columns = shape[shape.length - 1] ?? 1;
  switch (init.kind) {
    case 'constant':
      values.fill(init.value);
      return;
    case 'normal':
      fillNormal(values, init.std, name, seed);
      return;
    case 'uniform':
      draw(values.length, name, seed, (i, word) => {
        values[i] = init.low + (init.high - init.low) * unit(word);
      });
      return;
    case 'eye': {
      const rows = shape[shape.length - 2] ?? 1;
      for (let i = 0; i < values.length; i += 1) {
        values[i] = i % columns === Math.floor(i / columns) % rows ? init.scale : 0;
      }
      return;
    }
    case 'onehot':
      for (let i = init.index; i < values.length; i += columns) values[i] = init.scale;
      return;
    default:
      unreachable(init);
  }
}

/** Calls `use` with a random word for each of `count` elements. */
function draw(count: number, name: string, seed: number, use: (index: number, word: number) => void): void {
  const digest = createHash('sha256').update(name).digest();
  const [name0, name1, name2] = [digest.readUInt32LE(0), digest.readUInt32LE(4), digest.readUInt32LE(8)];
  for (let block = 0; block * 4 < count; block += 1) {
    const words = philox([block, name0, name1, name2], seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0);
    for (const [k, word] of words.entries()) {
      if (block * 4 + k < count) use(block * 4 + k, word);
    }
  }
}

/** Box and Muller: two uniform draws make two normal ones. */
function fillNormal(values: Float32Array, std: number, name: string, seed: number): void {
  let radius = 0;
  draw(values.length + (values.length % 2), name, seed, (i, word) => {
    if (i % 2 === 0) {
      radius = std * Math.sqrt(-2 * Math.log((word + 1) * 2 ** -32));
      values[i] = radius;
      return;
    }
    const angle = 2 * Math.PI * word * 2 ** -32;
    values[i - 1] = radius * Math.cos(angle);
    if (i < values.length) values[i] = radius * Math.sin(angle);
  });
}
