/** Graphs of random ops, for properties that every graph has. */
import type { Axis, BinaryFunction, Graph, UnaryFunction, ValueId } from '../../src/compiler/ir/graph.ts';
import { floats, isSubset, withoutIds } from '../../src/compiler/ir/tensor-type.ts';
import { type Builder, makeBuilder } from '../../src/compiler/ops/builder.ts';
import * as m from '../../src/compiler/ops/make.ts';
import { randomKey, randomUniform } from '../../src/compiler/support/random.ts';
import { axis, makeWeight } from './gradient-check.ts';

export interface Dice {
  /** A whole number below `n`. */
  readonly below: (n: number) => number;
  readonly pick: <T>(items: readonly T[]) => T;
}

export function makeDice(seed: number): Dice {
  const key = randomKey('dice');
  let count = 0;
  const below = (n: number): number => {
    count += 1;
    return Math.floor(randomUniform(key, [seed, count]) * n);
  };
  const pick = <T>(items: readonly T[]): T => {
    const item = items[below(items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  };
  return { below, pick };
}

const AXES = [axis('p', 2), axis('q', 3), axis('r', 1)];
const LAYER = axis('layer', 3);
const UNARY: readonly UnaryFunction[] = ['neg', 'neg', 'sin', 'tanh', 'abs'];
const BINARY: readonly BinaryFunction[] = ['add', 'add', 'sub', 'mul', 'mul', 'max', 'min'];
const NUMBERS = [0, 1, -1, 2, 0.5];

type Step = (b: Builder, dice: Dice, pool: readonly ValueId[]) => ValueId | undefined;

const pickAxis = (dice: Dice, axes: readonly Axis[]): Axis | undefined =>
  axes.length === 0 ? undefined : dice.pick(axes);

const missing = (b: Builder, x: ValueId): readonly Axis[] =>
  withoutIds(
    AXES,
    b.typeOf(x).axes.map((a) => a.id),
  );

const STEPS: readonly Step[] = [
  (b, dice) => m.scalar(b, dice.pick(NUMBERS)),
  (b, dice, pool) => m.unary(b, dice.pick(UNARY), dice.pick(pool)),
  ...Array.from({ length: 4 }, (): Step => binaryStep),
  (b, dice, pool) => {
    const x = dice.pick(pool);
    const more = pickAxis(dice, missing(b, x));
    return more && m.expand(b, x, [more]);
  },
  (b, dice, pool) => {
    const x = dice.pick(pool);
    const gone = pickAxis(dice, b.typeOf(x).axes);
    return gone && m.sum(b, x, [gone.id]);
  },
  (b, dice, pool) => {
    const x = dice.pick(pool);
    return m.permute(b, x, b.typeOf(x).axes.toReversed());
  },
  (b, dice, pool) => {
    const x = dice.pick(pool);
    const part = pickAxis(dice, b.typeOf(x).axes);
    if (!part) return undefined;
    const wide = axis(`${part.name}_wide`, part.size + 2);
    const padded = b.op('pad', { from: part.id, before: dice.below(3), into: wide }, [x]);
    return b.op('slice', { from: wide.id, start: dice.below(3), into: part }, [padded]);
  },
  (b, dice, pool) => {
    const x = dice.pick(pool);
    const { axes } = b.typeOf(x);
    const flat = axis(
      'flat',
      axes.reduce((n, a) => n * a.size, 1),
    );
    if (axes.length === 0) return undefined;
    const merged = b.op('merge', { from: axes.map((a) => a.id), into: flat }, [x]);
    return b.op('split', { from: flat.id, into: dice.below(2) ? axes : axes.toReversed() }, [merged]);
  },
  (b, dice, pool) => {
    const [x, y] = [dice.pick(pool), dice.pick(pool)];
    const shared = b.typeOf(x).axes.filter((a) => b.typeOf(y).axes.some((c) => c.id === a.id));
    const over = pickAxis(dice, shared);
    return over && m.contract(b, x, y, [over.id]);
  },
];

function binaryStep(b: Builder, dice: Dice, pool: readonly ValueId[]): ValueId | undefined {
  const [x, y] = [dice.pick(pool), dice.pick(pool)];
  const [p, q] = [b.typeOf(x).axes, b.typeOf(y).axes];
  return isSubset(p, q) || isSubset(q, p) ? m.binary(b, dice.pick(BINARY), x, y) : undefined;
}

function grow(b: Builder, dice: Dice, start: readonly ValueId[], steps: number): readonly ValueId[] {
  const pool = [...start];
  for (let i = 0; i < steps; i += 1) {
    const made = dice.pick(STEPS)(b, dice, pool);
    if (made !== undefined) pool.push(made);
  }
  return pool;
}

/** A graph of three weights, a loop, random ops in and around it, and the output `loss`. */
export function randomProgram(seed: number): Graph {
  const dice = makeDice(seed);
  const b = makeBuilder();
  const [p, q] = AXES.slice(0, 2);
  const weights = [[], p ? [p] : [], p && q ? [q, p] : []].map((axes, i) => b.weight(makeWeight(`w${i}`, axes)));
  const before = grow(b, dice, [...weights, b.input({ name: 'x', type: floats(AXES) })], 12);
  const initial = [dice.pick(before), dice.pick(before)];
  const loop = b.loop({ axis: LAYER, carried: initial.map((id) => ({ initial: id })) });
  const table = loop.slice(loop.outer(() => m.table(b, LAYER, [1, dice.pick(NUMBERS), 1])));
  const gain = loop.slice(b.weight(makeWeight('gain', p ? [p] : [], LAYER)));
  const inside = grow(b, dice, [...loop.carried, ...loop.carried, table, gain, dice.pick(before)], 12);
  const next = loop.carried.map((id) => {
    const { axes } = b.typeOf(id);
    const fitting = inside.filter((other) => isSubset(b.typeOf(other).axes, axes));
    return m.conform(b, m.unary(b, 'tanh', dice.pick(fitting)), axes);
  });
  const results = loop.end(dice.below(4) ? next : [loop.carried[0] ?? dice.pick(next), ...next.slice(1)], [
    dice.pick(inside),
    dice.pick(inside),
  ]);
  const after = grow(b, dice, [...before, ...results], 10);
  const total = (id: ValueId): ValueId => {
    const ids = b.typeOf(id).axes.map((a) => a.id);
    return m.sum(b, m.unary(b, 'tanh', id), ids);
  };
  const loss = [...results, ...after.slice(-3)].map(total).reduce((sum, part) => m.add(b, sum, part));
  return b.finish([{ name: 'loss', value: loss }]);
}
