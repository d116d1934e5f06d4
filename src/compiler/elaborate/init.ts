import type { Init } from '../ir/graph.ts';
import { unreachable } from '../support/invariant.ts';
import type { InitValue } from './value.ts';

/** The distribution of `factor` times what `init` draws. */
export function scaleInit(init: InitValue, factor: number): InitValue {
  switch (init.kind) {
    case 'constant':
      return { kind: 'constant', value: init.value * factor };
    case 'normal':
      return { kind: 'normal', std: init.std * Math.abs(factor) };
    case 'uniform': {
      const [a, b] = [init.low * factor, init.high * factor];
      return { kind: 'uniform', low: Math.min(a, b), high: Math.max(a, b) };
    }
    case 'eye':
      return { kind: 'eye', scale: init.scale * factor };
    case 'onehot':
      return { kind: 'onehot', index: init.index, scale: init.scale * factor };
    case 'xavier':
      return { kind: 'xavier', gain: init.gain * Math.abs(factor) };
    default:
      return unreachable(init);
  }
}

/** Xavier's normal distribution (Glorot and Bengio 2010, eq. 12 with a gain): variance 2 gain^2 / (fan_in + fan_out). */
export function xavier(gain: number, fanIn: number, fanOut: number): Init {
  return { kind: 'normal', std: gain * Math.sqrt(2 / (fanIn + fanOut)) };
}
