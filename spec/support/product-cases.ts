/** Products that every way to compute them must get right. */
import type { Axis, Graph, ValueId } from '../../src/compiler/ir/graph.ts';
import { floats } from '../../src/compiler/ir/tensor-type.ts';
import { type Builder, makeBuilder } from '../../src/compiler/ops/builder.ts';
import * as m from '../../src/compiler/ops/make.ts';
import { axis } from './llama-graph.ts';

/** Builds values, and gives the outputs by name. */
export type Make = (b: Builder) => Readonly<Record<string, ValueId>>;

export function graphOf(make: Make): Graph {
  const b = makeBuilder();
  return b.finish(Object.entries(make(b)).map(([name, value]) => ({ name, value })));
}

export function input(b: Builder, name: string, axes: readonly Axis[]): ValueId {
  return b.input({ name, type: floats(axes) });
}

/** Sizes that no tile likes. */
export const [batch, time, width, hidden, vocab] = [
  axis('batch', 3),
  axis('time', 17),
  axis('width', 24),
  axis('hidden', 40),
  axis('vocab', 61),
];

export const PRODUCT_CASES: Readonly<Record<string, Make>> = {
  'parts of unlike sizes share a launch': (b) => {
    const [heads, kv, size] = [axis('head', 3), axis('kv', 1), axis('size', 5)];
    const x = input(b, 'x', [batch, time, width]);
    return {
      q: m.contract(b, x, input(b, 'wq', [width, heads, size]), [width.id], { name: 'q' }),
      k: m.contract(b, x, input(b, 'wk', [width, kv, size]), [width.id], { name: 'k' }),
      v: m.contract(b, x, input(b, 'wv', [width, vocab]), [width.id], { name: 'v' }),
    };
  },
  'batch axes, and operands seen through views': (b) => {
    const [heads, size, key] = [axis('head', 3), axis('size', 8), axis('key', 17)];
    const q = b.op('split', { from: width.id, into: [heads, size] }, [input(b, 'q', [batch, time, width])]);
    const k = b.op('split', { from: width.id, into: [heads, size] }, [input(b, 'k', [batch, time, width])]);
    const keys = b.op('rename', { from: time.id, to: key }, [k]);
    return { scores: m.contract(b, q, keys, [size.id], { name: 'scores' }) };
  },
  'gradients of weights sum over several axes, however long': (b) => {
    const [many, long] = [axis('many', 40), axis('long', 67)];
    const x = input(b, 'x', [many, long, width]);
    const dy = input(b, 'dy', [many, long, hidden]);
    return { dw: m.contract(b, x, dy, [many.id, long.id], { name: 'dw' }) };
  },
  'a sum of contractions over unlike axes': (b) => {
    const sum = b.op('contract', { terms: [[hidden.id], [vocab.id]] }, [
      input(b, 'dh', [batch, time, hidden]),
      input(b, 'w', [width, hidden]),
      input(b, 'dl', [batch, time, vocab]),
      input(b, 'u', [vocab, width]),
    ]);
    return { dx: m.add(b, sum, input(b, 'dy', [batch, time, width])) };
  },
};
