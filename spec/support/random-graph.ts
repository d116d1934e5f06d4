/** Random graphs of pointwise ops, reductions, products, views and movement over a few axes; equal seeds, equal graphs. */
import type { Axis, Graph, ValueId } from '../../src/compiler/ir/graph.ts';
import { floats, hasAxis, isSubset } from '../../src/compiler/ir/tensor-type.ts';
import { type Builder, makeBuilder } from '../../src/compiler/ops/builder.ts';
import * as m from '../../src/compiler/ops/make.ts';
import { present } from '../../src/compiler/support/invariant.ts';
import { randomKey, randomUniform } from '../../src/compiler/support/random.ts';
import { axis, weight } from './llama-graph.ts';

const AXES = [axis('a', 3), axis('b', 4), axis('c', 5), axis('d', 6)];

export function randomGraph(seed: number, size: number): Graph {
  const key = randomKey('graph');
  let draws = 0;
  const draw = (n: number): number => Math.floor(randomUniform(key, [seed, draws++]) * n);
  const pick = <T>(list: readonly T[]): T => present(list[draw(list.length)], 'a choice');
  const b = makeBuilder();
  const values: ValueId[] = [
    b.input({ name: 'x', type: floats(AXES.slice(0, 3)) }),
    b.input({ name: 'y', type: floats(AXES.slice(0, 2)) }),
    b.weight(weight('w', [AXES[2] ?? axis('c', 5), AXES[3] ?? axis('d', 6)])),
    b.weight(weight('g', [AXES[2] ?? axis('c', 5)])),
  ];
  for (let i = 0; i < size; i++) {
    // Mostly what was made last, so that graphs are deep.
    const recent = values.slice(-6);
    const x = draw(3) > 0 ? pick(recent) : pick(values);
    const made = makeOp(b, draw, x, pick(draw(2) === 0 ? recent : values), pick(values));
    if (made !== undefined) values.push(made);
  }
  const outputs = [...new Set([values.at(-1), pick(values), pick(values)])].filter((id) => id !== undefined);
  return b.finish(outputs.map((value, i) => ({ name: `out${i}`, value })));
}

function makeOp(b: Builder, draw: (n: number) => number, x: ValueId, y: ValueId, z: ValueId): ValueId | undefined {
  const axesOf = (id: ValueId): readonly Axis[] => b.typeOf(id).axes;
  const own = axesOf(x);
  const some = own[draw(Math.max(1, own.length))];
  switch (draw(9)) {
    case 0:
      return m.unary(b, 'tanh', x);
    case 1:
    case 2:
      return isSubset(axesOf(y), own) || isSubset(own, axesOf(y)) ? m.add(b, x, y) : undefined;
    case 3:
      return isSubset(axesOf(z), own) || isSubset(own, axesOf(z)) ? m.mul(b, x, z) : undefined;
    case 4:
      return some && m.mul(b, m.sum(b, x, [some.id]), m.scalar(b, 1 / some.size));
    case 5:
      return some && b.op('max', { axes: [some.id] }, [x]);
    case 6: {
      const shared = own.filter((a) => hasAxis(axesOf(z), a.id));
      const over = shared[draw(Math.max(1, shared.length))];
      return over && m.mul(b, m.contract(b, x, z, [over.id]), m.scalar(b, 0.3));
    }
    case 7:
      return own.length > 1 ? m.permute(b, x, [...own].reverse()) : undefined;
    default:
      return moved(b, draw, x, some);
  }
}

/** A view or a move that comes back to the axes that it began with, or drops one. */
function moved(b: Builder, draw: (n: number) => number, x: ValueId, at: Axis | undefined): ValueId | undefined {
  if (!at) return undefined;
  const other = axis(`${at.name}'`, at.size);
  const [low, high] = [axis('low', 2), axis('high', 3)];
  switch (draw(5)) {
    case 0:
      return b.op('rename', { from: other.id, to: at }, [
        m.unary(b, 'sin', b.op('rename', { from: at.id, to: other }, [x])),
      ]);
    case 1: {
      const less = axis(`${at.name}-`, at.size - 1);
      const first = b.op('slice', { from: at.id, start: 0, into: less }, [x]);
      return b.op('pad', { from: less.id, before: 1, into: at }, [first]);
    }
    case 2: {
      if (at.size !== 6) return undefined;
      const parts = b.op('split', { from: at.id, into: [low, high] }, [x]);
      const scaled = m.mul(b, parts, m.sum(b, parts, [high.id]));
      return b.op('merge', { from: [low.id, high.id], into: at }, [scaled]);
    }
    case 3:
      return b.op('pick', { axis: at.id, index: draw(at.size) }, [x]);
    default: {
      const rest = AXES.filter((a) => !hasAxis(b.typeOf(x).axes, a.id)).slice(0, 1);
      return m.expand(b, x, rest);
    }
  }
}
